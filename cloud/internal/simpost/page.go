package simpost

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // texts and numbers: it fails only when the caller has gone
}

func (p *Post) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("POST /version1/messaging", p.messaging)
	m.HandleFunc("GET /post/state", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.Snapshot()) })
	m.HandleFunc("POST /post/text", p.text)
	page := template.Must(template.New("page").Parse(pageText))
	m.HandleFunc("GET /post", func(w http.ResponseWriter, _ *http.Request) {
		s := p.Snapshot()
		slices.Reverse(s.Mails)
		slices.Reverse(s.Messages)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, map[string]any{"State": s, "ShortCode": p.opts.ShortCode, "Failures": Failures()}) // the browser has gone when this fails
	})
	return m
}

// text plays a person who writes from a phone.
func (p *Post) text(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	phone, text := strings.TrimPrefix(strings.TrimSpace(r.FormValue("phone")), "+"), r.FormValue("text")
	if len(phone) < 8 || len(phone) > 15 || strings.Trim(phone, "0123456789") != "" || text == "" {
		http.Error(w, "a phone with country code, and a text", http.StatusBadRequest)
		return
	}
	p.Text(phone, text) //nolint:contextcheck // the gateway reports after the request has ended
	http.Redirect(w, r, "/post", http.StatusSeeOther)
}
