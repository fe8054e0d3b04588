package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Client talks to a node as one person, by the public HTTP interface.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient is nobody yet.
func NewClient(base string) *Client {
	return &Client{base: base, http: &http.Client{Timeout: 30 * time.Second}}
}

// Raw is a body that is sent as it is, whether it is JSON or not.
type Raw string

// Problem is an answer that is not a success.
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Type is the content type of the answer.
	Type string `json:"-"`
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// SignIn signs in by e-mail.
func (c *Client) SignIn(ctx context.Context, email, password string) error {
	return c.signIn(ctx, "/api/v1/auth/login", map[string]string{"email": email, "password": password})
}

// SignInPIN signs in as a learner at a school.
func (c *Client) SignInPIN(ctx context.Context, learner, pin string) error {
	return c.signIn(ctx, "/api/v1/auth/pin", map[string]string{"learner_id": learner, "pin": pin})
}

func (c *Client) signIn(ctx context.Context, path string, in any) error {
	var out struct {
		AccessToken string `json:"access_token"`
	}
	if err := c.Post(ctx, path, in, &out); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	c.token = out.AccessToken
	return nil
}

// Token is the access token.
func (c *Client) Token() string { return c.token }

// SetToken signs in with a token from elsewhere.
func (c *Client) SetToken(token string) { c.token = token }

// Get reads path into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

// Post sends in and reads the answer into out; both may be nil.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	return c.do(ctx, http.MethodPost, path, in, out)
}

// Put is Post by another method.
func (c *Client) Put(ctx context.Context, path string, in, out any) error {
	return c.do(ctx, http.MethodPut, path, in, out)
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if text, ok := in.(Raw); ok {
		body = strings.NewReader(string(text))
	} else if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		p := &Problem{}
		_ = json.Unmarshal(answer, p) // a page that is no problem document leaves only the status
		p.Status, p.Type = resp.StatusCode, resp.Header.Get("Content-Type")
		return fmt.Errorf("%s %s: %w", method, path, p)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	return nil
}
