package daraja

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// PullReach is how far back the gateway lists money at the PayBill.
const PullReach = 48 * time.Hour

// zoneDoubt widens a pull: the documentation does not say in which zone its
// times are, so they are sent as East Africa Time, and it may be UTC.
const zoneDoubt = 3 * time.Hour

// maxPulls bounds one pull; a page is about a hundred rows.
const maxPulls = 10_000

// Pull lists the money that came to our PayBill between two times, pushes and
// typed references alike: the "Pull transactions" interface. It may list more
// than was asked for.
func (c *Client) Pull(ctx context.Context, from, to time.Time) ([]Confirmation, error) {
	const layout = "2006-01-02 15:04:05"
	eat := time.FixedZone("EAT", 3*60*60)
	var out []Confirmation
	for range maxPulls {
		var page struct {
			ResponseCode    text
			ResponseMessage string
			Response        [][]struct {
				TransactionID text `json:"transactionId"`
				BillReference text `json:"billreference"`
				Amount        text `json:"amount"`
			}
		}
		if err := c.post(ctx, "/pulltransactions/v1/query", map[string]string{
			"ShortCode": c.cfg.ShortCode, "StartDate": from.Add(-zoneDoubt).In(eat).Format(layout), "EndDate": to.Add(zoneDoubt).In(eat).Format(layout),
			"OffSetValue": strconv.Itoa(len(out)),
		}, &page); err != nil {
			return nil, err
		}
		switch {
		case page.ResponseCode == "1001": // no transactions, or no more
			return out, nil
		case page.ResponseCode != "1000":
			return nil, &Refused{Code: string(page.ResponseCode), Message: page.ResponseMessage}
		}
		before := len(out)
		for _, rows := range page.Response {
			for _, r := range rows {
				amount, err := minor(string(r.Amount))
				if err != nil || r.TransactionID == "" {
					return nil, fmt.Errorf("%w: a pulled transaction", ErrMalformed)
				}
				out = append(out, Confirmation{string(r.TransactionID), amount, c.cfg.ShortCode, string(r.BillReference)})
			}
		}
		if len(out) == before {
			return out, nil
		}
	}
	return nil, fmt.Errorf("pull transactions: more than %d pages", maxPulls)
}
