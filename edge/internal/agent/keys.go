package agent

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"github.com/nats-io/nkeys"
)

// Keys are made on the box and never leave it.
type Keys struct {
	// Node signs requests and payment intents.
	Node ed25519.PrivateKey
	// Age opens licences and the cloud's secrets.
	Age *age.X25519Identity
	// NATSSeed is the nkey seed of the box's user.
	NATSSeed []byte

	nats   string
	pepper []byte
	former [][]byte // peppers that this box had before
	path   string
}

// keyFile is the file's JSON.
type keyFile struct {
	NodeSeed []byte `json:"node_seed"`
	Age      string `json:"age"`
	NATSSeed string `json:"nats_seed"`
	Pepper   []byte `json:"pepper,omitempty"`
	// Former opens what lies sealed from before a pepper was replaced.
	Former [][]byte `json:"former_peppers,omitempty"`
}

func openKeys(dir string) (*Keys, error) {
	path := filepath.Join(dir, "box.keys")
	b, err := os.ReadFile(path) //nolint:gosec // below the data directory
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeys(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the box's keys: %w", err)
	}
	var f keyFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read the box's keys: %w", err)
	}
	return f.open(path)
}

func (f keyFile) open(path string) (*Keys, error) {
	identity, err := age.ParseX25519Identity(f.Age)
	if err != nil {
		return nil, fmt.Errorf("read the box's keys: %w", err)
	}
	if len(f.NodeSeed) != ed25519.SeedSize {
		return nil, errors.New("read the box's keys: the node key is damaged")
	}
	user, err := nkeys.FromSeed([]byte(f.NATSSeed))
	if err != nil {
		return nil, fmt.Errorf("read the box's keys: %w", err)
	}
	public, err := user.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("read the box's keys: %w", err)
	}
	return &Keys{Node: ed25519.NewKeyFromSeed(f.NodeSeed), Age: identity, NATSSeed: []byte(f.NATSSeed), nats: public, pepper: f.Pepper, former: f.Former, path: path}, nil
}

func makeKeys(path string) (*Keys, error) {
	_, node, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make the box's keys: %w", err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make the box's keys: %w", err)
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("make the box's keys: %w", err)
	}
	seed, err := user.Seed()
	if err != nil {
		return nil, fmt.Errorf("make the box's keys: %w", err)
	}
	k, err := keyFile{NodeSeed: node.Seed(), Age: identity.String(), NATSSeed: string(seed)}.open(path)
	if err != nil {
		return nil, err
	}
	return k, k.write()
}

// write replaces the file as a whole: a power cut leaves the old or the new one.
func (k *Keys) write() error {
	b, err := json.Marshal(keyFile{NodeSeed: k.Node.Seed(), Age: k.Age.String(), NATSSeed: string(k.NATSSeed), Pepper: k.pepper, Former: k.former})
	if err != nil {
		return err
	}
	if err := replaceFile(k.path, b); err != nil {
		return fmt.Errorf("write the box's keys: %w", err)
	}
	return nil
}

// replaceFile replaces a file as a whole: a power cut leaves the old or the new
// one.
func replaceFile(path string, b []byte) error {
	tmp, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // below the data directory
	if err != nil {
		return err
	}
	_, werr := tmp.Write(b)
	if err := errors.Join(werr, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (k *Keys) setPepper(p []byte) error {
	if len(k.pepper) > 0 && !bytes.Equal(k.pepper, p) {
		k.former = append([][]byte{k.pepper}, k.former...)
	}
	k.pepper = p
	return k.write()
}

// Peppers are Pepper and those it replaced, newest first: what they sealed is opened
// with all of them.
func (k *Keys) Peppers() [][]byte {
	if len(k.pepper) == 0 {
		return nil
	}
	return append([][]byte{k.pepper}, k.former...)
}

// Pepper is the key of the school's sign-in verifiers; nil before the claim.
func (k *Keys) Pepper() []byte { return k.pepper }

// NodePublic is the public half of Node, 32 bytes.
func (k *Keys) NodePublic() []byte {
	return k.Node.Public().(ed25519.PublicKey) //nolint:forcetypeassert // as documented at PrivateKey.Public
}

// NATSUser is the public nkey, "U…".
func (k *Keys) NATSUser() string { return k.nats }

// Recipient is the public half of Age, "age1…".
func (k *Keys) Recipient() string { return k.Age.Recipient().String() }
