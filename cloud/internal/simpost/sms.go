package simpost

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/id"
	"urbanhomeschool.org/uhs/shared/logging"
)

// decoded is a header without its encoded words.
func decoded(header string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		return header
	}
	return text
}

// Failures are the last four digits of numbers that misbehave, with the
// documented code the gateway answers; 9000 hangs up without an answer after the
// message has gone, and 9001 is taken and never reaches the phone.
func Failures() map[string]int {
	return map[string]int{
		"0401": 401, "0402": 402, "0404": 404, "0405": 405, "0406": 406, "0407": 407, "0500": 500, "9000": hangUp, "9001": unreachable,
	}
}

const (
	taken       = 101
	invalid     = 403
	hangUp      = -1
	unreachable = -2
)

var words = map[int]string{
	taken: "Success", 401: "RiskHold", 402: "InvalidSenderId", invalid: "InvalidPhoneNumber", 404: "UnsupportedNumberType", 405: "InsufficientBalance",
	406: "UserInBlacklist", 407: "CouldNotRoute", 500: "InternalServerError",
}

type recipient struct {
	StatusCode   int    `json:"statusCode"`
	Number       string `json:"number"`
	Status       string `json:"status"`
	Cost         string `json:"cost"`
	MessageID    string `json:"messageId"`
	MessageParts int    `json:"messageParts,omitempty"`
}

// messaging is POST /version1/messaging.
func (p *Post) messaging(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	if r.Header.Get("Apikey") != p.opts.Key || r.PostForm.Get("username") != p.opts.Username {
		http.Error(w, "The supplied authentication is invalid", http.StatusUnauthorized)
		return
	}
	to, text, from := r.PostForm.Get("to"), r.PostForm.Get("message"), r.PostForm.Get("from")
	if to == "" || text == "" {
		http.Error(w, "Request is missing required form field 'to' or 'message'", http.StatusBadRequest)
		return
	}
	if from != "" && from != p.opts.ShortCode {
		p.answer(w, "InvalidSenderId", nil)
		return
	}
	var list []recipient
	good := 0
	for number := range strings.SplitSeq(to, ",") { //nolint:contextcheck // a report is sent after the request has ended
		got, ok := p.one(number, text)
		if !ok {
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		if got.StatusCode == taken {
			good++
		}
		list = append(list, got)
	}
	p.answer(w, fmt.Sprintf("Sent to %d/%d Total Cost: KES %.4f", good, len(list), 0.8*float64(good)), list)
}

func (*Post) answer(w http.ResponseWriter, message string, list []recipient) {
	if list == nil {
		list = []recipient{}
	}
	writeJSON(w, http.StatusCreated, map[string]any{"SMSMessageData": map[string]any{"Message": message, "Recipients": list}})
}

// one takes a message for one number; false when the answer is to be lost.
func (p *Post) one(number, text string) (recipient, bool) {
	number = strings.TrimSpace(number)
	plain, plus := strings.CutPrefix(number, "+")
	got := recipient{StatusCode: taken, Number: number, Cost: "0", MessageID: "None"}
	code := 0
	if len(plain) >= 4 {
		code = Failures()[plain[len(plain)-4:]]
	}
	switch {
	case !plus || len(plain) < 8 || len(plain) > 15 || strings.Trim(plain, "0123456789") != "":
		got.StatusCode = invalid
	case code > 0:
		got.StatusCode = code
	}
	got.Status = words[got.StatusCode]
	if got.StatusCode != taken {
		return got, true
	}
	got.MessageID, got.Cost, got.MessageParts = "ATXid_"+id.Secret(16), "KES 0.8000", (len(text)+159)/160
	p.change(func(s *State) {
		s.Messages = append(s.Messages, Message{ID: got.MessageID, From: p.opts.ShortCode, To: plain, Text: text, Status: "Sent", At: p.opts.Clock.Now()})
	})
	p.report(got.MessageID, number, code == unreachable)
	return got, code != hangUp
}

// report tells, a little later, what became of a message.
func (p *Post) report(message, number string, lost bool) {
	form := url.Values{"id": {message}, "status": {"Success"}, "phoneNumber": {number}, "networkCode": {"63902"}, "retryCount": {"0"}}
	if lost {
		form.Set("status", "Failed")
		form.Set("failureReason", "DeliveryFailure")
	}
	p.later(p.opts.Delay, func() {
		p.change(func(s *State) {
			for i := range s.Messages {
				if s.Messages[i].ID == message {
					s.Messages[i].Status = form.Get("status")
				}
			}
		})
		p.post(p.opts.Delivery, form)
	})
}

// Text plays a person who sends text from phone to our short code.
func (p *Post) Text(phone, text string) {
	m := Message{ID: id.New(), From: phone, To: p.opts.ShortCode, Text: text, Status: "Received", At: p.opts.Clock.Now()}
	p.change(func(s *State) { s.Messages = append(s.Messages, m) })
	form := url.Values{
		"id": {m.ID}, "from": {"+" + phone}, "to": {m.To}, "text": {text}, "date": {m.At.UTC().Format(time.DateTime)}, "linkId": {id.Secret(9)}, "networkCode": {"63902"},
	}
	p.later(0, func() { p.post(p.opts.Incoming, form) })
}

// later runs fn after d, unless the post closes first.
func (p *Post) later(d time.Duration, fn func()) {
	p.work.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-p.ctx.Done():
		case <-t.C:
			fn()
		}
	})
}

// post delivers a report once.
func (p *Post) post(to string, form url.Values) {
	if to == "" {
		return
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(p.ctx), http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		p.opts.Log.Error("report", logging.Err(err))
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.client.Do(req)
	if err != nil {
		p.opts.Log.Warn("a report was not delivered", logging.Err(err))
		return
	}
	_ = res.Body.Close()
}
