package payments

import (
	"strconv"

	pay "urbanhomeschool.org/uhs/shared/payments"
)

// How the price of an instructor's course is shared, in basis points. The rest
// is the platform's, and so are the fractions: 60/30/10 as floor, floor,
// remainder. Gateway fees are the platform's own: shares are of the gross.
const (
	instructorBPS = 6000
	marketingBPS  = 1000
)

// Share is one account's part of a price.
type Share struct {
	Account     string
	AmountMinor int64
}

// Split shares a price (0 or more) between the accounts of its owner; the sum is
// exact and parts of zero are left out. A platform course is all the platform's.
func Split(amountMinor int64, owner string) []Share {
	if owner == string(pay.Platform) {
		return nonzero(Share{accountPlatform, amountMinor})
	}
	instructor, marketing := part(amountMinor, instructorBPS), part(amountMinor, marketingBPS)
	return nonzero(
		Share{accountHeld(owner), instructor},
		Share{accountMarketing, marketing},
		Share{accountPlatform, amountMinor - instructor - marketing},
	)
}

// part is floor(a * bps / 10000) without overflow.
func part(a, bps int64) int64 { return a/10000*bps + a%10000*bps/10000 }

func nonzero(shares ...Share) []Share {
	out := shares[:0]
	for _, s := range shares {
		if s.AmountMinor != 0 {
			out = append(out, s)
		}
	}
	return out
}

// splitOf is what the ledger keeps of the rates, so that later rates do not
// change earlier purchases.
func splitOf(owner string) string {
	if owner == string(pay.Platform) {
		return ""
	}
	return strconv.Itoa(instructorBPS) + "/" + strconv.Itoa(marketingBPS)
}
