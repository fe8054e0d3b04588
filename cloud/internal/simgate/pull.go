package simgate

import (
	"net/http"
	"strconv"
	"time"

	"urbanhomeschool.org/uhs/shared/id"
)

// pullPage is how many rows one answer of the pull interface has.
const pullPage = 100

// pull lists the money of the last 48 hours, pushes and typed references alike.
func (g *Gate) pull(w http.ResponseWriter, in map[string]string) {
	const layout = "2006-01-02 15:04:05"
	eat := time.FixedZone("EAT", 3*60*60)
	from, err1 := time.ParseInLocation(layout, in["StartDate"], eat)
	to, err2 := time.ParseInLocation(layout, in["EndDate"], eat)
	offset, err3 := strconv.Atoi(in["OffSetValue"])
	if err1 != nil || err2 != nil || err3 != nil || offset < 0 || in["ShortCode"] != g.opts.ShortCode {
		refuse(w, http.StatusBadRequest, "400.002.02", "Bad Request - Invalid Request")
		return
	}
	s := g.Snapshot()
	if s.Knobs.PullDown {
		refuse(w, http.StatusServiceUnavailable, "500.003.1001", "Service unavailable")
		return
	}
	oldest := g.opts.Clock.Now().Add(-48 * time.Hour)
	rows := []map[string]any{}
	for _, c := range s.Book {
		if c.At.Before(from) || c.At.After(to) || c.At.Before(oldest) {
			continue
		}
		rows = append(rows, map[string]any{"transactionId": c.Receipt, "trxDate": c.At.UTC().Format(time.RFC3339), "msisdn": mask(c.Phone),
			"sender": "MPESA", "transactiontype": "c2b-pay-bill-debit", "billreference": c.Reference, "amount": shillings(c.AmountMinor), "organizationname": "UHS"})
	}
	rows = rows[min(offset, len(rows)):]
	rows = rows[:min(pullPage, len(rows))]
	code, message := "1000", "Success"
	if len(rows) == 0 {
		code, message = "1001", "No transactions"
	}
	answer(w, http.StatusOK, map[string]any{"ResponseRefID": "sim-" + id.Secret(6), "ResponseCode": code, "ResponseMessage": message, "Response": []any{rows}})
}
