package app

import (
	"strings"
	"testing"

	"filippo.io/age"
)

func TestTheCloudsRecipientFollowsFromItsSecret(t *testing.T) {
	first, err := keys{secret: []byte(strings.Repeat("a", 32))}.sealed()
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys{secret: []byte(strings.Repeat("a", 32))}.sealed()
	if err != nil || again.String() != first.String() {
		t.Errorf("another identity of the same secret: %v", err)
	}
	if other, err := (keys{secret: []byte(strings.Repeat("b", 32))}).sealed(); err != nil || other.String() == first.String() {
		t.Errorf("the same identity of another secret: %v", err)
	}
	if _, err := age.ParseX25519Recipient(first.Recipient().String()); err != nil {
		t.Error(err)
	}
}

func TestBech32IsThatOfTheStandard(t *testing.T) {
	// The example of age's format: BIP 173 with this prefix and 32 bytes.
	own, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	scalar := unbech32(t, own.String())
	if got := strings.ToUpper(bech32("age-secret-key-", scalar)); got != own.String() {
		t.Error("age wrote the same identity otherwise")
	}
}

// unbech32 takes the bytes out of age's text.
func unbech32(t *testing.T, text string) (data []byte) {
	t.Helper()
	body := strings.ToLower(text[strings.LastIndex(text, "1")+1:])
	acc, bits := uint32(0), uint(0)
	for _, letter := range body[:len(body)-6] {
		acc, bits = acc<<5|uint32(strings.IndexRune(bech32Letters, letter)), bits+5
		if bits >= 8 {
			bits -= 8
			data = append(data, byte(acc>>bits))
		}
	}
	return data
}
