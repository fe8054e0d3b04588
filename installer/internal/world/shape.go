package world

import (
	"fmt"
	"strings"
)

// Shape makes the line thin and long from the next connection on: so many
// kilobytes a second in each direction, and so many milliseconds of delay each
// way. Both are of each connection, HTTPS and NATS apart.
func (l *Link) Shape(kilobytes, delay int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.proxies {
		for _, stream := range []string{"upstream", "downstream"} {
			for _, toxic := range []string{
				fmt.Sprintf(`{"name":"late-%s","type":"latency","stream":%q,"attributes":{"latency":%d}}`, stream, stream, delay),
				fmt.Sprintf(`{"name":"thin-%s","type":"bandwidth","stream":%q,"attributes":{"rate":%d}}`, stream, stream, kilobytes),
			} {
				if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
					return fmt.Errorf("shape the line: %w", err)
				}
			}
		}
	}
	return nil
}
