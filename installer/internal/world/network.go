package world

import (
	"fmt"

	"urbanhomeschool.org/uhs/installer/internal/process"
)

// Network are the network namespaces in which the programs run, so that the
// kernel's own means make a line bad. Who starts the world makes and removes them.
type Network struct {
	// Cloud is where the cloud and the gateway simulator run.
	Cloud Place
	// School gives where a school's box runs, and the cloud's address at the other
	// end of its line.
	School func(key string) (box Place, cloud string, err error)
}

// Place is a network namespace and the address at which this process reaches it.
type Place struct{ Namespace, Address string }

// here is where everything runs without a Network.
var here = Place{Address: "127.0.0.1"} //nolint:gochecknoglobals // a constant

// listen is the address to listen on: in a namespace every one, since the line's
// is another than the one this process uses.
func (p Place) listen() string {
	if p.Namespace != "" {
		return "0.0.0.0"
	}
	return p.Address
}

// in lets a program run in the namespace. The command that enters it becomes the
// program, so the process is still its own.
func (p Place) in(s process.Spec) process.Spec {
	if p.Namespace != "" {
		s.Args = append([]string{"netns", "exec", p.Namespace, s.Path}, s.Args...)
		s.Path = "ip"
	}
	return s
}

// cloudPlace is where the cloud runs.
func (w *World) cloudPlace() Place {
	if w.opts.Network != nil {
		return w.opts.Network.Cloud
	}
	return here
}

// cloudDatabase is the database as the cloud reaches it.
func (w *World) cloudDatabase() string {
	if w.opts.Network != nil {
		return w.Postgres.SocketURL(database)
	}
	return w.DatabaseURL()
}

// LeafPort is where appliances connect their mirrors.
func (w *World) LeafPort() int { return w.state.Ports["cloud-leaf"] }

// line lays a school's line to the cloud and gives where its box runs and the
// addresses at which the box finds the cloud and its hub.
func (w *World) line(s *School, web, leaf int) (box Place, cloud, hub string, err error) {
	if w.opts.Network == nil {
		s.Link, err = w.links.connect(s.Key, route{web, w.state.Ports["cloud"]}, route{leaf, w.LeafPort()})
		return here, fmt.Sprintf("127.0.0.1:%d", web), fmt.Sprintf("127.0.0.1:%d", leaf), err
	}
	box, host, err := w.opts.Network.School(s.Key)
	return box, fmt.Sprintf("%s:%d", host, w.state.Ports["cloud"]), fmt.Sprintf("%s:%d", host, w.LeafPort()), err
}
