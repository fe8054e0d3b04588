package sms

import "strings"

// The GSM 7-bit default alphabet (3GPP TS 23.038, section 6.2.1); a message of
// these has 160 characters, any other only 70.
const gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// These take two places each.
const gsmExtended = "^{}\\[~]|€"

// MaxLength is how many places one message has.
const MaxLength = 160

// Length is how many places text takes in the GSM alphabet; false when a
// character is not in it.
func Length(text string) (int, bool) {
	n := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm, r):
			n++
		case strings.ContainsRune(gsmExtended, r):
			n += 2
		default:
			return 0, false
		}
	}
	return n, true
}
