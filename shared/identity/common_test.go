package identity

import (
	"errors"
	"testing"
)

func TestCommonPasswords(t *testing.T) {
	for _, p := range []string{"Password1!", "P@ssw0rd2026", "Welcome@123", "Kenya@2026", "123Nairobi!", "Urban-Home-School-1", "Qwerty123!", "Mw@limu2026!", "J4mbo-2026"} {
		if err := checkPassword(p, "password"); !errors.Is(err, errCommon) {
			t.Errorf("%s: %v", p, err)
		}
	}
	for _, p := range []string{"Matatu-Ziwa-72-Embe", "A-long-password-123", "Sunny-Day-2026", "Demo-shule-26", "Kuku3-Wawili!"} {
		if err := checkPassword(p, "password"); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}
