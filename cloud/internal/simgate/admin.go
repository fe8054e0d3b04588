package simgate

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page.html
var pageText string

// admin adds the knobs, the book and a page to look at them.
func (g *Gate) admin(m *http.ServeMux) {
	m.HandleFunc("GET /admin/state", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, g.Snapshot()) })
	m.HandleFunc("PUT /admin/knobs", g.putKnobs)
	m.HandleFunc("POST /admin/prompts/{checkout}", g.answerPrompt)
	m.HandleFunc("POST /admin/paybill", g.payBill)
	m.HandleFunc("POST /admin/confirm/{receipt}", func(w http.ResponseWriter, r *http.Request) {
		g.confirm(r.PathValue("receipt"))
		done(w, r, nil)
	})
	page := template.Must(template.New("page").Funcs(template.FuncMap{
		"kes":   func(minor int64) string { return string(shillings(minor)) },
		"magic": func(i int) string { return fmt.Sprintf("90%02d", i+1) },
	}).Parse(pageText))
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, map[string]any{ // the browser has gone when this fails
			"State": g.Snapshot(), "Total": g.Total(), "Scenarios": Scenarios(), "ShortCode": g.opts.ShortCode,
		})
	})
}

// done answers a program with JSON and a form with the page.
func done(w http.ResponseWriter, r *http.Request, body any) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if body == nil {
		body = map[string]string{"status": "ok"}
	}
	answer(w, http.StatusOK, body)
}

func (g *Gate) putKnobs(w http.ResponseWriter, r *http.Request) {
	var k Knobs
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&k); err != nil {
		refuse(w, http.StatusBadRequest, "knobs", "not JSON of the knobs")
		return
	}
	g.Set(k)
	answer(w, http.StatusOK, k)
}

// answerPrompt lets a person play the payer of a prompt that waits.
func (g *Gate) answerPrompt(w http.ResponseWriter, r *http.Request) {
	how := Scenario(r.FormValue("scenario"))
	if how == "" || how == Manual {
		how = Success
	}
	if !g.Answer(r.PathValue("checkout"), how) {
		refuse(w, http.StatusNotFound, "prompt", "no such prompt waits")
		return
	}
	done(w, r, nil)
}

// Answer plays how for a prompt that waits; false when none does.
func (g *Gate) Answer(checkout string, how Scenario) bool {
	s := g.Snapshot()
	for _, p := range s.Prompts {
		if p.Checkout == checkout && p.Code == "" {
			g.finish(p, s.Knobs, how)
			return true
		}
	}
	return false
}

// payBill takes phone, amount (shillings) and reference from a form or JSON.
func (g *Gate) payBill(w http.ResponseWriter, r *http.Request) {
	in := map[string]string{"phone": r.FormValue("phone"), "amount": r.FormValue("amount"), "reference": r.FormValue("reference")}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var err error
		if in, err = fields(w, r); err != nil {
			refuse(w, http.StatusBadRequest, "paybill", "not JSON")
			return
		}
	}
	amount, err := strconv.ParseInt(in["amount"], 10, 64)
	if err != nil || amount < 1 || amount > 250_000 || in["reference"] == "" || len(in["reference"]) > 20 {
		refuse(w, http.StatusBadRequest, "paybill", "amount in whole shillings and a reference of at most 20 characters")
		return
	}
	done(w, r, map[string]string{"receipt": g.PayBill(in["phone"], amount*100, in["reference"])})
}
