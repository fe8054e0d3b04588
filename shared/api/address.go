package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// ParseProxies reads the addresses of the proxies in front of a service, as
// addresses or networks. What they say of a request is believed.
func ParseProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("a trusted proxy is an address or a network: %w", err)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (a *API) trusts(at netip.Addr) bool {
	for _, p := range a.opts.Proxies {
		if p.Contains(at) {
			return true
		}
	}
	return false
}

// addressOf is where a request comes from. Each proxy adds to the right end of
// X-Forwarded-For whom it saw, so the list is read from there, as far as it was
// written by proxies we trust; what stands further left anybody can write.
func (a *API) addressOf(c *fiber.Ctx) netip.Addr {
	at, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	at = at.Unmap()
	if !a.trusts(at) {
		return at
	}
	said := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for _, one := range slices.Backward(said) {
		next, err := netip.ParseAddr(strings.TrimSpace(one))
		if err != nil {
			return at
		}
		at = next.Unmap().WithZone("")
		if !a.trusts(at) {
			return at
		}
	}
	return at
}

// neighbourhood is what is counted as one sender: an address, or the network of
// IPv6 that one household has.
func neighbourhood(at netip.Addr) string {
	const household = 64
	if at.Is6() {
		if p, err := at.Prefix(household); err == nil {
			return p.String()
		}
	}
	return at.String()
}

// secure tells whether the person's browser spoke https, to us or to a proxy that
// we trust.
func (a *API) secure(c *fiber.Ctx) bool {
	if c.Context().IsTLS() {
		return true
	}
	at, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return a.trusts(at.Unmap()) && c.Get(fiber.HeaderXForwardedProto) == "https"
}
