// Package netns lays *lines* between network namespaces: one for the cloud, one
// per school, and a cable between each school and the cloud that the kernel
// itself makes thin, lossy, silent or dead. Every namespace has a second cable,
// to this process, which stays well: the school's own Wi-Fi, and the test's way
// to look at the cloud.
//
// The rule that surprises: the namespaces outlive the process that made them. Net
// removes them by name when it is closed, and the next Net removes what a killed
// process has left.
package netns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Net is a cloud's namespace and those of its schools. It needs root, and a
// process has one at a time.
type Net struct {
	names map[string]string // of the namespaces, by key
	lines map[string]*Line
	// devices are this process's ends of the cables to the namespaces.
	devices []string
	base    string // the first three numbers of all addresses
}

// Cloud is the key of the cloud's namespace.
const Cloud = "cloud"

const prefix = "uhs-e2e-"

// Lay makes the namespaces and lays all cables. Close the Net also when Lay has
// failed; it is never nil.
func Lay(schools ...string) (*Net, error) {
	pid := os.Getpid()
	n := &Net{names: map[string]string{}, lines: map[string]*Line{}, base: fmt.Sprintf("10.%d.%d", 128+pid>>8&63, pid&255)}
	if len(schools) > 30 {
		return n, errors.New("netns: too many schools")
	}
	for _, tool := range []string{"ip", "tc", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			return n, fmt.Errorf("netns: %w; apt-get install iproute2 iptables", err)
		}
	}
	if err := sweep(); err != nil {
		return n, err
	}
	for i, key := range append([]string{Cloud}, schools...) {
		if err := n.room(i, key); err != nil {
			return n, err
		}
		if key == Cloud {
			continue
		}
		l := &Line{net: n, school: key, index: i}
		if err := l.lay(); err != nil {
			return n, err
		}
		n.lines[key] = l
	}
	return n, nil
}

// room makes one namespace with its cable to this process.
func (n *Net) room(i int, key string) error {
	name := fmt.Sprintf("%s%d-%s", prefix, os.Getpid(), key)
	if err := run("ip", "netns", "add", name); err != nil {
		return err
	}
	n.names[key] = name
	near, far := fmt.Sprintf("u%dw%d", os.Getpid(), i), "wifi"
	if err := run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name); err != nil {
		return err
	}
	n.devices = append(n.devices, near)
	return each(
		[]string{"ip", "addr", "add", n.address(2*i, 1) + "/30", "dev", near},
		[]string{"ip", "link", "set", near, "up"},
		[]string{"ip", "-n", name, "addr", "add", n.address(2*i, 2) + "/30", "dev", far},
		[]string{"ip", "-n", name, "link", "set", far, "up"},
		[]string{"ip", "-n", name, "link", "set", "lo", "up"},
	)
}

// address is one end of the cable number i: each has four addresses of its own.
func (n *Net) address(i, end int) string { return fmt.Sprintf("%s.%d", n.base, 4*i+end) }

// Namespace is the name of a namespace, by its key.
func (n *Net) Namespace(key string) string { return n.names[key] }

// Address is where this process reaches the namespace.
func (n *Net) Address(key string) string {
	if l := n.lines[key]; l != nil {
		return n.address(2*l.index, 2)
	}
	return n.address(0, 2)
}

// Line is the cable of a school; nil when there is none.
func (n *Net) Line(school string) *Line { return n.lines[school] }

// Close removes all namespaces, and with them every cable and rule. The cables to
// this process go first, by their own names: the kernel takes its time over a
// namespace.
func (n *Net) Close() error {
	var errs []error
	for _, device := range n.devices {
		errs = append(errs, run("ip", "link", "del", device))
	}
	for _, name := range n.names {
		errs = append(errs, run("ip", "netns", "del", name))
	}
	n.devices, n.names, n.lines = nil, map[string]string{}, map[string]*Line{}
	return errors.Join(errs...)
}

// sweep removes the namespaces of processes that are no more.
func sweep() error {
	out, err := output("ip", "netns", "list")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, prefix)
		if !ours {
			continue
		}
		pid, _, _ := strings.Cut(rest, "-")
		if _, err := os.Stat("/proc/" + pid); err == nil {
			continue
		}
		if err := run("ip", "netns", "del", name); err != nil {
			return err
		}
	}
	return nil
}

// Line is a school's cable to the cloud, as good as new when it is laid.
type Line struct {
	net    *Net
	school string
	index  int
}

const uplink = "uplink" // the school's end; the cloud's has the school's number

func (l *Line) lay() error {
	cloud, school := l.net.names[Cloud], l.net.names[l.school]
	return each(
		[]string{"ip", "-n", cloud, "link", "add", l.cloudEnd(), "type", "veth", "peer", "name", uplink, "netns", school},
		[]string{"ip", "-n", cloud, "addr", "add", l.CloudAddress() + "/30", "dev", l.cloudEnd()},
		[]string{"ip", "-n", cloud, "link", "set", l.cloudEnd(), "up"},
		[]string{"ip", "-n", school, "addr", "add", l.net.address(2*l.index+1, 2) + "/30", "dev", uplink},
		[]string{"ip", "-n", school, "link", "set", uplink, "up"},
	)
}

func (l *Line) cloudEnd() string { return "school" + strconv.Itoa(l.index) }

// CloudAddress is where the school finds the cloud on this line.
func (l *Line) CloudAddress() string { return l.net.address(2*l.index+1, 1) }

// end is one end of the line: a namespace and the device in it.
type end struct{ namespace, device string }

func (l *Line) ends() []end {
	return []end{{l.net.names[Cloud], l.cloudEnd()}, {l.net.names[l.school], uplink}}
}

// Shape lets so many thousand bits a second through in each direction, with a
// queue of so long before a packet is dropped, as a cheap modem has.
func (l *Line) Shape(kilobits int, queue time.Duration) error {
	for _, e := range l.ends() {
		if err := run("tc", "-n", e.namespace, "qdisc", "replace", "dev", e.device, "root", "tbf", "rate", fmt.Sprintf("%dkbit", kilobits),
			"burst", "1600", "latency", fmt.Sprintf("%dms", queue.Milliseconds())); err != nil {
			return err
		}
	}
	return nil
}

// Load is what a shaped line has carried in one direction, and what waits for it
// now, in bytes.
type Load struct{ Sent, Waiting int64 }

// Load tells of both directions of a shaped line: from the school and to it.
func (l *Line) Load() (up, down Load, err error) {
	for _, e := range l.ends() {
		out, err := output("tc", "-n", e.namespace, "-s", "qdisc", "show", "dev", e.device)
		if err != nil {
			return up, down, err
		}
		up, down = Load{figure(out, "Sent "), figure(out, "backlog ")}, up
	}
	return up, down, nil
}

// figure reads the number of bytes after a word of tc's.
func figure(text, word string) int64 {
	_, after, _ := strings.Cut(text, word)
	f := strings.FieldsFunc(after, func(r rune) bool { return r == ' ' })
	if len(f) == 0 {
		return 0
	}
	number, scale := strings.TrimSuffix(f[0], "b"), int64(1)
	if thousands, ok := strings.CutSuffix(number, "K"); ok {
		number, scale = thousands, 1024
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return n * scale
}

// Lose drops a share of the packets, at random, in each direction.
func (l *Line) Lose(share float64) error {
	for _, e := range l.ends() {
		if err := e.drop("-m", "statistic", "--mode", "random", "--probability", strconv.FormatFloat(share, 'f', -1, 64)); err != nil {
			return err
		}
	}
	return nil
}

// Deafen lets the school hear nothing from a port of the cloud, or from it at
// all when the port is 0; what the school says arrives.
func (l *Line) Deafen(port int) error { return l.ends()[1].drop(tcp("--sport", port)...) }

// Mute lets the cloud hear nothing of what the school says to a port of it, or at
// all when the port is 0; what the cloud says arrives.
func (l *Line) Mute(port int) error { return l.ends()[0].drop(tcp("--dport", port)...) }

func tcp(which string, port int) []string {
	if port == 0 {
		return nil
	}
	return []string{"-p", "tcp", which, strconv.Itoa(port)}
}

// drop lets what arrives at this end, and fits the match, disappear.
func (e end) drop(match ...string) error {
	args := slices.Concat([]string{"netns", "exec", e.namespace, "iptables", "-A", "INPUT", "-i", e.device}, match, []string{"-j", "DROP"})
	return run("ip", args...)
}

// Dropped is how many packets were lost at both ends by Lose, Deafen and Mute.
func (l *Line) Dropped() (packets int, err error) {
	for _, e := range l.ends() {
		out, err := output("ip", "netns", "exec", e.namespace, "iptables", "-nvxL", "INPUT")
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			if len(f) < 6 || f[2] != "DROP" || f[5] != e.device {
				continue
			}
			n, err := strconv.Atoi(f[0])
			if err != nil {
				return 0, fmt.Errorf("netns: %q: %w", line, err)
			}
			packets += n
		}
	}
	return packets, nil
}

// Hear takes back Lose, Deafen and Mute.
func (l *Line) Hear() error {
	for _, e := range l.ends() {
		out, err := output("ip", "netns", "exec", e.namespace, "iptables", "-S", "INPUT")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			rule, ok := strings.CutPrefix(strings.TrimSpace(line), "-A ")
			if !ok || !strings.Contains(rule, "-i "+e.device+" ") {
				continue
			}
			if err := run("ip", append([]string{"netns", "exec", e.namespace, "iptables", "-D"}, strings.Fields(rule)...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Down takes the school's end down: what is under way is lost, and nobody is told.
func (l *Line) Down() error {
	return run("ip", "-n", l.net.names[l.school], "link", "set", uplink, "down")
}

// Up takes it up again.
func (l *Line) Up() error { return run("ip", "-n", l.net.names[l.school], "link", "set", uplink, "up") }

func each(commands ...[]string) error {
	for _, c := range commands {
		if err := run(c[0], c[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func run(name string, args ...string) error {
	_, err := output(name, args...)
	return err
}

func output(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() // #nosec G204 -- the kernel's own tools
	if err != nil {
		err = fmt.Errorf("netns: %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), err
}
