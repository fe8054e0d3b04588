package copy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// NeighbourPath is where a box keeps its neighbours' copies.
const NeighbourPath = "/copies/v1"

// Neighbour is a medium on another box, reached over HTTP. Everything it is
// given is encrypted and signed, so the line need not be.
type Neighbour struct {
	url, token string
	client     *http.Client
}

// NewNeighbour is the medium on the box at url; token is the one it was set up
// with.
func NewNeighbour(url, token string) *Neighbour {
	return &Neighbour{strings.TrimSuffix(url, "/"), token, &http.Client{Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// String implements Medium.
func (n *Neighbour) String() string { return n.url }

// Check implements Medium.
func (n *Neighbour) Check(ctx context.Context) error {
	_, err := n.Chains(ctx)
	return err
}

// Chains implements Medium.
func (n *Neighbour) Chains(ctx context.Context) (out []string, err error) {
	if err := n.list(ctx, "", &out); err != nil {
		return nil, err
	}
	for _, c := range out {
		if !ValidChain(c) {
			return nil, &Trouble{Failing, fmt.Errorf("an answer that is no list of copies")}
		}
	}
	return out, nil
}

// Segments implements Medium.
func (n *Neighbour) Segments(ctx context.Context, chain string) (out []uint64, err error) {
	return out, n.list(ctx, "/"+chain, &out)
}

func (n *Neighbour) list(ctx context.Context, path string, out any) error {
	b, err := n.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return &Trouble{Failing, err}
	}
	return nil
}

func segmentPath(chain string, seq uint64) string {
	return "/" + chain + "/" + strconv.FormatUint(seq, 10)
}

// Get implements Medium.
func (n *Neighbour) Get(ctx context.Context, chain string, seq uint64) ([]byte, error) {
	return n.do(ctx, http.MethodGet, segmentPath(chain, seq), nil)
}

// Put implements Medium.
func (n *Neighbour) Put(ctx context.Context, chain string, seq uint64, data []byte) error {
	_, err := n.do(ctx, http.MethodPut, segmentPath(chain, seq), data)
	return err
}

// Drop implements Medium.
func (n *Neighbour) Drop(ctx context.Context, chain string, below uint64) error {
	_, err := n.do(ctx, http.MethodDelete, "/"+chain+"?below="+strconv.FormatUint(below, 10), nil)
	return err
}

func (n *Neighbour) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, n.url+NeighbourPath+path, bytes.NewReader(body))
	if err != nil {
		return nil, &Trouble{Unreachable, err}
	}
	r.Header.Set("Authorization", "Bearer "+n.token)
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := n.client.Do(r)
	if err != nil {
		return nil, &Trouble{Unreachable, err}
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxSegment+1))
	if err != nil {
		return nil, &Trouble{Unreachable, err}
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		if len(answer) > maxSegment {
			return nil, errDamaged
		}
		return answer, nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, &Trouble{Refused, fmt.Errorf("status %d", resp.StatusCode)}
	case http.StatusConflict:
		return nil, errThere
	case http.StatusInsufficientStorage:
		return nil, &Trouble{Full, fmt.Errorf("status %d", resp.StatusCode)}
	}
	return nil, &Trouble{Failing, fmt.Errorf("status %d", resp.StatusCode)}
}
