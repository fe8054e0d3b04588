package audit

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"urbanhomeschool.org/uhs/shared/id"
)

const microsecond = time.Microsecond

// Limits of what one entry keeps.
const (
	maxText    = 300     // characters of one value
	maxDetails = 8 << 10 // bytes of all
	maxDepth   = 6
	maxItems   = 50
)

// Masked stands where a secret was.
const Masked = "***"

// secretName matches names of fields whose values are secrets. It errs on the
// side of masking.
var secretName = regexp.MustCompile(`(?i)pass(word|phrase|key)?|secret|token|(^|_|-)pins?($|_|-)|code($|s$|_)|otp|(^|_)keys?($|_)|verifier|pepper|hash|credential|pictures|cookie|authorization|signature|seed|mnemonic|answer_key`)

// IsSecret tells whether a field of this name holds a secret.
func IsSecret(field string) bool { return secretName.MatchString(snake(field)) }

// snake turns apiKey into api_key.
func snake(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// Mask gives v as plain JSON values, with secrets masked and long ones cut.
func Mask(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, err
	}
	return mask(plain, maxDepth), nil
}

func mask(v any, depth int) any {
	if depth == 0 {
		return "…"
	}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if IsSecret(name) && inner != nil && inner != false && inner != true {
				v[name] = Masked
				continue
			}
			v[name] = mask(inner, depth-1)
		}
		return v
	case []any:
		if len(v) > maxItems {
			v = append(v[:maxItems:maxItems], "…")
		}
		for i := range v {
			v[i] = mask(v[i], depth-1)
		}
		return v
	case string:
		return cut(v)
	default:
		return v
	}
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText]) + "…"
}

type pair struct {
	Before any `json:"before,omitempty"`
	After  any `json:"after,omitempty"`
	// Salt keeps erased details from being guessed from their hash.
	Salt string `json:"salt,omitempty"`
	Cut  bool   `json:"cut,omitempty"`
}

// details is the JSON of what was before and after; empty when there is neither.
func details(before, after any) (string, error) {
	if before == nil && after == nil {
		return "", nil
	}
	var p pair
	var err error
	if p.Before, err = Mask(before); err != nil {
		return "", err
	}
	if p.After, err = Mask(after); err != nil {
		return "", err
	}
	p.Salt = id.Secret(12)
	raw, err := json.Marshal(p)
	if err == nil && len(raw) > maxDetails {
		raw, err = json.Marshal(pair{Cut: true, Salt: p.Salt})
	}
	return string(raw), err
}

// Erased tells whether the details of r were taken away.
func (r Record) Erased() bool { return r.Details == "" && r.DetailsHash != hashOf(nil) }

// Change is what an entry's details say; the zero Change when there are none.
func (r Record) Change() (before, after any) {
	var p pair
	if json.Unmarshal([]byte(r.Details), &p) != nil {
		return nil, nil
	}
	return p.Before, p.After
}
