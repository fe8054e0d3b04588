package consent

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"urbanhomeschool.org/uhs/shared/identity"
)

// Version names the texts that guardians are shown now. A changed wording gets a
// file and a name of its own; the old files stay, since consents name them.
const Version = "2026-11"

//go:embed texts/*.json
var files embed.FS

// Text is what a guardian is told of one purpose, in one language: the items of
// regulation 4 of the Data Protection (General) Regulations 2021.
type Text struct {
	Title string `json:"title"`
	// What is done, and with which data.
	What string `json:"what"`
	// Who does it, and who receives the data.
	Who string `json:"who"`
	// HowLong the data is kept.
	HowLong string `json:"how_long"`
	// Automated tells whether a machine decides anything.
	Automated string `json:"automated"`
	// Transfer tells of other countries and what can go wrong.
	Transfer string `json:"transfer"`
	// Withdraw is the right to take it back, and what follows.
	Withdraw string `json:"withdraw"`
	// SMS is the question in a text message, after the child's name.
	SMS string `json:"sms"`
}

// Wording is all texts of a version, by purpose and language (en, sw).
type Wording map[identity.Purpose]map[string]Text

// wordings are the parsed files by version.
var wordings = sync.OnceValues(func() (map[string]Wording, error) { //nolint:gochecknoglobals // read once from the binary
	names, err := fs.Glob(files, "texts/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the texts of consent: %w", err)
	}
	out := map[string]Wording{}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		var w Wording
		if err := json.Unmarshal(raw, &w); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		out[strings.TrimSuffix(strings.TrimPrefix(name, "texts/"), ".json")] = w
	}
	return out, nil
})

// Texts gives the wording of a version; false for one that never was.
func Texts(version string) (Wording, bool) {
	all, err := wordings()
	if err != nil {
		return nil, false // the files are in the binary and tested
	}
	w, ok := all[version]
	return w, ok
}

// Known tells whether a text about purpose stands in version; for identity, which
// refuses consents to texts that never were.
func Known(version string, purpose identity.Purpose) bool {
	w, ok := Texts(version)
	if !ok {
		return false
	}
	_, ok = w[purpose]
	return ok && slices.Contains(identity.Purposes(), purpose)
}
