package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// counter is a port whose connections go on to another one; it counts the bytes
// both ways.
type counter struct {
	listener net.Listener
	target   string
	bytes    atomic.Int64
}

func count(target string) (*counter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by close
	if err != nil {
		return nil, fmt.Errorf("open a counter: %w", err)
	}
	c := &counter{listener: l, target: target}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return // closed
			}
			go c.carry(near)
		}
	}()
	return c, nil
}

func (c *counter) address() string { return c.listener.Addr().String() }

func (c *counter) close() { _ = c.listener.Close() }

func (c *counter) carry(near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", c.target) //nolint:noctx // the connection that came in ends it
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, io.TeeReader(near, c)); _ = far.Close() })
	_, _ = io.Copy(near, io.TeeReader(far, c))
	_ = near.Close()
	both.Wait()
}

// Write implements io.Writer: it counts.
func (c *counter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}

// front is the cloud's HTTPS entrance, as nginx is in production, with a chain of
// two certificates below an authority that the box is told to trust.
type front struct {
	listener net.Listener
	server   *http.Server

	mu    sync.Mutex
	paths map[string]int
}

const authorityFile = "authority.pem"

func openFront(cloud, dir string) (*front, error) {
	to, err := url.Parse(cloud)
	if err != nil {
		return nil, fmt.Errorf("open the entrance: %w", err)
	}
	chain, authority, err := certificates()
	if err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, authorityFile), authority, 0o600); err != nil {
		return nil, fmt.Errorf("write the authority: %w", err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{chain}})
	if err != nil {
		return nil, fmt.Errorf("open the entrance: %w", err)
	}
	f := &front{listener: l, paths: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	f.server = &http.Server{ReadHeaderTimeout: time.Minute, IdleTimeout: 75 * time.Second, ErrorLog: log.New(io.Discard, "", 0), // nginx keeps them for 75 s
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			f.paths[r.URL.Path]++
			f.mu.Unlock()
			proxy.ServeHTTP(w, r)
		})}
	go func() { _ = f.server.Serve(l) }()
	return f, nil
}

func (f *front) address() string { return f.listener.Addr().String() }

func (f *front) close() { _ = f.server.Close() }

// asked is how often a path was asked for.
func (f *front) asked(path string) int { f.mu.Lock(); defer f.mu.Unlock(); return f.paths[path] }

// certificates are an RSA chain, as public authorities give them: what one costs
// in bytes is part of what is counted.
func certificates() (chain tls.Certificate, authority []byte, err error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return chain, nil, err
	}
	middleKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	key, err2 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2); err != nil {
		return chain, nil, err
	}
	year := func(n int64, name string, ca bool) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().AddDate(0, 3, 0), IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	}
	root, middle, leaf := year(1, "the bench's authority", true), year(2, "the bench's middle authority", true), year(3, "cloud", false)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return chain, nil, err
	}
	middleDER, err1 := x509.CreateCertificate(rand.Reader, middle, root, middleKey.Public(), rootKey)
	leafDER, err2 := x509.CreateCertificate(rand.Reader, leaf, middle, key.Public(), middleKey)
	if err := errors.Join(err1, err2); err != nil {
		return chain, nil, err
	}
	chain = tls.Certificate{Certificate: [][]byte{leafDER, middleDER}, PrivateKey: key}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}), nil
}
