package simgate

import (
	"fmt"
	"strings"
	"time"
)

// Scenario is how a payer and the network behave.
type Scenario string

// The scenarios.
const (
	Success       Scenario = "success"
	Cancel        Scenario = "cancel"           // 1032
	WrongPIN      Scenario = "wrong_pin"        // 2001
	NoFunds       Scenario = "no_funds"         // 1
	TimedOut      Scenario = "timed_out"        // 1037
	Duplicate     Scenario = "duplicate"        // paid, the callback comes three times
	Late          Scenario = "late"             // paid, the callback is late
	LostCallback  Scenario = "lost_callback"    // paid, nobody is told; a query knows
	C2BOnly       Scenario = "c2b_only"         // paid, only the C2B channel tells
	QueryDenies   Scenario = "query_denies"     // paid and told, but the query says cancelled; C2B follows late
	ResponseLost  Scenario = "response_lost"    // paid and told on both channels, the answer to the push is lost
	ResponseLostQ Scenario = "response_silence" // paid, the answer is lost, only C2B tells, late
	CallbackFirst Scenario = "callback_first"   // the callback is quicker than the answer
	WrongAmount   Scenario = "wrong_amount"     // half of the amount is charged and told
	FalseSuccess  Scenario = "false_success"    // told as paid, but nothing was charged; the query says cancelled
	PaidLate      Scenario = "paid_late"        // told as 1037, then paid after all: C2B
	SpikeArrest   Scenario = "spike_arrest"     // 500.003.02
	TokenDies     Scenario = "token_dies"       // 404.001.03 once
	UnknownCode   Scenario = "unknown_code"     // a result nobody documented
	Manual        Scenario = "manual"           // waits for a button on the page
)

// Scenarios lists them in the order of the magic numbers: a phone that ends in
// 90 and a two-digit number, 254700009001 being the first, plays that one.
func Scenarios() []Scenario {
	return []Scenario{
		Cancel, WrongPIN, TimedOut, Duplicate, Late, LostCallback, C2BOnly, QueryDenies, ResponseLost, SpikeArrest, TokenDies,
		CallbackFirst, WrongAmount, FalseSuccess, PaidLate, UnknownCode, NoFunds, ResponseLostQ, Manual,
	}
}

// magic is the scenario a phone number asks for.
func magic(phone string) (Scenario, bool) {
	for i, s := range Scenarios() {
		if strings.HasSuffix(phone, fmt.Sprintf("90%02d", i+1)) {
			return s, true
		}
	}
	return "", false
}

func (k Knobs) of(phone string) Scenario {
	if s, ok := k.Phones[phone]; ok {
		return s
	}
	if s, ok := magic(phone); ok {
		return s
	}
	if k.Scenario != "" {
		return k.Scenario
	}
	return Success
}

// code is what the scenario's payer answers.
func (s Scenario) code() string {
	switch s {
	case Cancel:
		return "1032"
	case WrongPIN:
		return "2001"
	case NoFunds:
		return "1"
	case TimedOut, PaidLate:
		return "1037"
	case UnknownCode:
		return "7777"
	default:
		return "0"
	}
}

// play lets the payer of a prompt answer, and tells who should be told.
func (g *Gate) play(p Prompt) {
	k := g.Snapshot().Knobs
	if p.Scenario == Manual {
		return
	}
	if p.Scenario == CallbackFirst {
		g.finish(p, k, p.Scenario)
		return
	}
	g.later(time.Duration(k.DelayMS)*time.Millisecond, func() { g.finish(p, k, p.Scenario) })
}

// finish charges, remembers the result for queries, and reports.
func (g *Gate) finish(p Prompt, k Knobs, how Scenario) {
	p.Code = how.code()
	p.QueryCode = p.Code
	switch how {
	case QueryDenies, FalseSuccess:
		p.QueryCode = "1032"
	case WrongAmount:
		p.AmountMinor = p.AmountMinor / 200 * 100
	default:
	}
	charged := p.Code == "0" && how != FalseSuccess || how == PaidLate
	p.Receipt = ""
	g.change(func(s *State) {
		if charged {
			p.Receipt = s.charge(g, p.Phone, p.AmountMinor, p.Reference, "stk")
		}
		for i := range s.Prompts {
			if s.Prompts[i].Checkout == p.Checkout {
				s.Prompts[i].Code, s.Prompts[i].QueryCode, s.Prompts[i].Receipt = p.Code, p.QueryCode, p.Receipt
			}
		}
	})
	if how == FalseSuccess {
		p.Receipt = "FALSE00001"
	}
	g.tell(p, k, how)
}

func (g *Gate) tell(p Prompt, k Knobs, how Scenario) {
	late := time.Duration(k.LateMS) * time.Millisecond
	callback := func() { g.deliver(p.CallbackURL, p.callback(g)) }
	confirm := func() { g.confirm(p.Receipt) }
	switch how {
	case LostCallback:
	case C2BOnly:
		confirm()
	case ResponseLostQ:
		g.later(late, confirm)
	case Late:
		g.later(late, callback)
	case Duplicate:
		callback()
		callback()
		callback()
	case QueryDenies, PaidLate:
		callback()
		g.later(late, confirm)
	case ResponseLost:
		callback()
		confirm()
	default:
		callback()
		if k.C2B && p.Receipt != "" && how != FalseSuccess {
			confirm()
		}
	}
}

// charge writes the book.
func (s *State) charge(g *Gate, phone string, amountMinor int64, reference, kind string) string {
	now := g.opts.Clock.Now()
	receipt := fmt.Sprintf("U%c%c%07d", 'A'+rune(now.Month())-1, 'A'+rune(now.Day()%26), s.serial())
	s.Book = append(s.Book, Charge{receipt, phone, amountMinor, reference, kind, now})
	return receipt
}

// callback is the documented body; receipt, amount and phone only on success.
func (p Prompt) callback(g *Gate) any {
	type item struct {
		Name  string
		Value any `json:",omitempty"`
	}
	inner := map[string]any{"MerchantRequestID": p.Merchant, "CheckoutRequestID": p.Checkout, "ResultCode": number(p.Code), "ResultDesc": describe(p.Code)}
	if p.Code == "0" {
		inner["CallbackMetadata"] = map[string]any{"Item": []item{
			{"Amount", shillings(p.AmountMinor)}, {"MpesaReceiptNumber", p.Receipt}, {"Balance", nil},
			{"TransactionDate", number(stamp(g.opts.Clock.Now()))}, {"PhoneNumber", number(p.Phone)},
		}}
	}
	return map[string]any{"Body": map[string]any{"stkCallback": inner}}
}

// confirm reports a charge on the C2B channel.
func (g *Gate) confirm(receipt string) {
	s := g.Snapshot()
	for _, c := range s.Book {
		if c.Receipt == receipt {
			g.deliver(s.ConfirmationURL, map[string]string{
				"TransactionType": "Pay Bill", "TransID": c.Receipt, "TransTime": stamp(c.At), "TransAmount": string(shillings(c.AmountMinor)),
				"BusinessShortCode": g.opts.ShortCode, "BillRefNumber": c.Reference, "InvoiceNumber": "", "OrgAccountBalance": "25000.00",
				"ThirdPartyTransID": "", "MSISDN": mask(c.Phone), "FirstName": "JANE", "MiddleName": "", "LastName": "",
			})
		}
	}
}
