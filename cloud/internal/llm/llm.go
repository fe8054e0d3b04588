// Package llm asks hosted models: any endpoint that speaks OpenAI's chat
// protocol, several of them in an order the operator sets. Its nouns: an
// *endpoint* (name, base URL, key, model) and a *provider*, which is an
// endpoint as the tutor sees it.
//
// The rule that surprises: the client library reports a stream that was cut, and
// even the log-in page of a mobile network, as a normal end. Only a
// finish_reason makes an answer.
package llm

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"urbanhomeschool.org/uhs/shared/tutor"
)

// Settings are the operator's; package config fills them. An endpoint without a
// key is not used; the generic one may do without.
type Settings struct {
	Order []string `env:"LLM_ORDER" default:"custom,gemini,openai,groq,openrouter" doc:"Hosted models in the order in which they are asked."`

	CustomURL   string `env:"LLM_BASE_URL" doc:"Base URL of any endpoint that speaks OpenAI's chat protocol."`
	CustomKey   string `env:"LLM_API_KEY" secret:"true" doc:"Key of that endpoint, if it wants one."`
	CustomModel string `env:"LLM_MODEL" doc:"Model of that endpoint."`

	OpenAIKey       string `env:"OPENAI_API_KEY" secret:"true" doc:"Key of OpenAI."`
	OpenAIURL       string `env:"OPENAI_BASE_URL" default:"https://api.openai.com/v1" doc:"Base URL of OpenAI."`
	OpenAIModel     string `env:"OPENAI_MODEL" default:"gpt-4o-mini" doc:"Model at OpenAI."`
	GeminiKey       string `env:"GEMINI_API_KEY" secret:"true" doc:"Key of Google Gemini."`
	GeminiURL       string `env:"GEMINI_BASE_URL" default:"https://generativelanguage.googleapis.com/v1beta/openai" doc:"Base URL of Gemini's OpenAI protocol."`
	GeminiModel     string `env:"GEMINI_MODEL" default:"gemini-2.5-flash" doc:"Model at Gemini."`
	GroqKey         string `env:"GROQ_API_KEY" secret:"true" doc:"Key of Groq."`
	GroqURL         string `env:"GROQ_BASE_URL" default:"https://api.groq.com/openai/v1" doc:"Base URL of Groq."`
	GroqModel       string `env:"GROQ_MODEL" default:"llama-3.3-70b-versatile" doc:"Model at Groq."`
	OpenRouterKey   string `env:"OPENROUTER_API_KEY" secret:"true" doc:"Key of OpenRouter."`
	OpenRouterURL   string `env:"OPENROUTER_BASE_URL" default:"https://openrouter.ai/api/v1" doc:"Base URL of OpenRouter."`
	OpenRouterModel string `env:"OPENROUTER_MODEL" default:"google/gemini-2.5-flash" doc:"Model at OpenRouter."`
}

// Endpoint is one place where models answer.
type Endpoint struct {
	Name, BaseURL, Key, Model string
	// FirstToken and Idle bound the wait for the first and for each next piece of
	// an answer; 0 means 20 s and 10 s.
	FirstToken, Idle time.Duration
}

// The defaults of Endpoint, and how many may be asked at a time.
const (
	defaultFirstToken = 20 * time.Second
	defaultIdle       = 10 * time.Second
	parallelCalls     = 4
	waitingCalls      = 32
)

// Endpoints lists what s configures, in its order.
func Endpoints(s Settings) ([]Endpoint, error) {
	all := map[string]Endpoint{
		"custom":     {Name: "custom", BaseURL: s.CustomURL, Key: s.CustomKey, Model: s.CustomModel},
		"openai":     {Name: "openai", BaseURL: s.OpenAIURL, Key: s.OpenAIKey, Model: s.OpenAIModel},
		"gemini":     {Name: "gemini", BaseURL: s.GeminiURL, Key: s.GeminiKey, Model: s.GeminiModel},
		"groq":       {Name: "groq", BaseURL: s.GroqURL, Key: s.GroqKey, Model: s.GroqModel},
		"openrouter": {Name: "openrouter", BaseURL: s.OpenRouterURL, Key: s.OpenRouterKey, Model: s.OpenRouterModel},
	}
	var out []Endpoint
	for _, name := range s.Order {
		e, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("LLM_ORDER: there is no endpoint %q", name)
		}
		if (name == "custom" && e.BaseURL == "") || (name != "custom" && e.Key == "") {
			continue
		}
		u, err := url.Parse(e.BaseURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return nil, fmt.Errorf("the base URL of %s cannot be read", name) // it may hold a key
		}
		if e.Model == "" {
			return nil, fmt.Errorf("no model is set for %s", name)
		}
		e.BaseURL = strings.TrimRight(e.BaseURL, "/")
		out = append(out, e)
		all[name] = Endpoint{} // named twice: asked once
	}
	return out, nil
}

// Routes are the configured endpoints as the tutor asks them.
func Routes(s Settings, log *slog.Logger) ([]tutor.Route, error) {
	endpoints, err := Endpoints(s)
	if err != nil {
		return nil, fmt.Errorf("configure hosted models: %w", err)
	}
	var out []tutor.Route
	for _, e := range endpoints {
		log.Info("hosted model", "provider", e.Name, "model", e.Model)
		out = append(out, tutor.Route{Provider: New(e), Hosted: true, Parallel: parallelCalls, Waiting: waitingCalls})
	}
	return out, nil
}
