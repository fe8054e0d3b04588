package accounts_test

import (
	"testing"
	"time"

	"urbanhomeschool.org/uhs/cloud/internal/accounts"
	"urbanhomeschool.org/uhs/shared/personal"
)

func TestCodesAreKeptAsTheTableOfRetentionSays(t *testing.T) {
	for _, r := range personal.Rules() {
		if r.Name == "codes" {
			if r.Years != 0 || time.Duration(r.Days)*24*time.Hour != accounts.KeepCodes {
				t.Errorf("%v in the table, %v in the sweep", r.Period, accounts.KeepCodes)
			}
			return
		}
	}
	t.Error("the table has no row for codes")
}
