package copy

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"urbanhomeschool.org/uhs/shared/db"
)

// Source is the database that is copied.
type Source interface {
	db.DB
	// Writer is the one writing connection: its checkpoints are the tracker's.
	Writer() *sql.DB
}

// tracker knows which pages of the database file have changed. It reads the
// write-ahead log as it grows and resets it by checkpoints of its own, so that
// no commit can leave the log unseen. It keeps page numbers only, one bit each,
// so a slow medium never makes the log grow.
type tracker struct {
	db   Source
	path string

	mu      sync.Mutex
	file    *os.File // the database; see open
	inode   uint64
	log     *os.File
	reader  *walReader       // nil while the log is empty
	index   map[uint32]int64 // page to its newest committed content in the log
	settled bool             // our last checkpoint moved everything to the file, and nothing was committed since
	chains  []*pageSet
	lost    int // how often the log had changed unseen
}

func newTracker(d Source, path string) *tracker { return &tracker{db: d, path: path} }

// watch adds every page that changes to set, beginning with all of them.
func (t *tracker) watch(set *pageSet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	set.addAll()
	t.chains = append(t.chains, set)
}

// forget means that changes may have gone by unseen: every page must be compared.
func (t *tracker) forget() {
	for _, c := range t.chains {
		c.addAll()
	}
}

// Poll reads what was committed since the last time.
func (t *tracker) Poll() error { t.mu.Lock(); defer t.mu.Unlock(); return t.poll() }

func (t *tracker) poll() error {
	if err := t.open(); err != nil {
		return err
	}
	head, ok, err := readWALHead(t.log)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	switch {
	case !ok && t.reader == nil:
		return nil
	case !ok: // an emptied log
		t.reset(nil)
		return nil
	case t.reader == nil: // a log that was empty begins
		t.reader, t.index = newWALReader(head), map[uint32]int64{}
	case head.salts != t.reader.head.salts:
		t.reset(newWALReader(head))
	default:
		same, err := t.reader.unchanged(t.log)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if !same {
			t.settled = false
			t.reset(newWALReader(head))
		}
	}
	err = t.reader.follow(t.log, func(page uint32, at int64) {
		t.settled = false
		t.index[page] = at
		for _, c := range t.chains {
			c.add(page)
		}
	})
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	return nil
}

// reset begins another life of the log. After a checkpoint of ours nothing was
// missed; otherwise somebody else's took pages away that we may not have seen.
func (t *tracker) reset(r *walReader) {
	if !t.settled {
		t.lost++
		t.forget()
	}
	t.reader, t.index, t.settled = r, map[uint32]int64{}, false
}

// open opens the database file and its log.
//
// The database file is never closed while SQLite has it open: the kernel drops
// all locks that this process holds on a file when any descriptor of it is
// closed (sqlite.org/howtocorrupt.html, 2.2). A file that was replaced by
// another has no more users and is closed.
func (t *tracker) open() error {
	inode, err := inodeOf(t.path)
	if err != nil {
		return err
	}
	if t.file == nil || inode != t.inode {
		f, err := os.Open(t.path)
		if err != nil {
			return fmt.Errorf("open the database file: %w", err)
		}
		if t.file != nil {
			_ = t.file.Close()
		}
		t.file, t.inode, t.reader, t.index, t.settled = f, inode, nil, map[uint32]int64{}, false
		t.closeLog()
		t.forget()
	}
	if t.log != nil {
		now, err := inodeOf(t.logPath())
		if was, ferr := inodeOfFile(t.log); err != nil || ferr != nil || now != was {
			t.closeLog()
		}
	}
	if t.log != nil {
		return nil
	}
	if t.log, err = os.Open(t.logPath()); errors.Is(err, fs.ErrNotExist) {
		t.log, err = os.Open(os.DevNull)
	}
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	return nil
}

// logPath is the log's file. After a snapshot the database's name is a link, and
// the log lies beside the file it leads to.
func (t *tracker) logPath() string {
	if to, err := os.Readlink(t.path); err == nil {
		return filepath.Join(filepath.Dir(t.path), filepath.Base(to)) + "-wal"
	}
	return t.path + "-wal"
}

func (t *tracker) closeLog() {
	if t.log != nil {
		_ = t.log.Close() // it holds no locks
		t.log = nil
	}
}

func inodeOf(path string) (uint64, error) {
	i, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("look at the database file: %w", err)
	}
	return inodeIn(i)
}

func inodeOfFile(f *os.File) (uint64, error) {
	i, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return inodeIn(i)
}

func inodeIn(i fs.FileInfo) (uint64, error) {
	s, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("this system has no inodes")
	}
	return s.Ino, nil
}

// checkpointAt is the length of the log, in frames, at which it is moved into
// the database file: SQLite's own default.
const checkpointAt = 1000

// Checkpoint moves the log into the database file when it is long. It holds the
// one writer as long as SQLite's own checkpoint would, so that no commit comes
// between the last look at the log and its reset.
func (t *tracker) Checkpoint(ctx context.Context, frames int64) error {
	t.mu.Lock()
	long := t.reader != nil && t.reader.next-walHeaderSize >= frames*t.reader.frameSize() && !t.settled
	t.mu.Unlock()
	if !long {
		return nil
	}
	writer, err := t.db.Writer().Conn(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer func() { _ = writer.Close() }()
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := writer.ExecContext(ctx, setAutoCheckpoint(0)); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := t.poll(); err != nil {
		return err
	}
	var busy, all, moved int64
	if err := writer.QueryRowContext(ctx, checkpointNow).Scan(&busy, &all, &moved); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	t.settled = busy == 0 && all == moved
	return nil
}

// takeOver ends SQLite's own checkpoints; handBack begins them again.
func (t *tracker) takeOver(ctx context.Context) error { return t.automatic(ctx, 0) }

func (t *tracker) handBack(ctx context.Context) error { return t.automatic(ctx, checkpointAt) }

func (t *tracker) automatic(ctx context.Context, frames int) error {
	writer, err := t.db.Writer().Conn(ctx)
	if err != nil {
		return err
	}
	_, err = writer.ExecContext(ctx, setAutoCheckpoint(frames))
	return errors.Join(err, writer.Close())
}

// view is the database as of one commit. It is good until the function that got
// it returns.
type view struct {
	t        *tracker
	file     *os.File
	log      *os.File
	index    map[uint32]int64
	pageSize int
	pages    uint32
}

// errMoved is given when the log was reset under a view: try again.
var errMoved = errors.New("copy: the log was reset meanwhile")

// View calls fn with the database as of its last commit. take runs at that very
// commit: the set of changed pages is then complete for it.
func (t *tracker) View(ctx context.Context, take func(v *view) error, fn func(v *view) error) error {
	return t.db.View(ctx, func(tx db.Tx) error {
		// A read keeps the log from being reset and moved beyond what it sees.
		rows, err := tx.Query(ctx, anyRow)
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		v, reader, err := t.now(take)
		if err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
		return t.check(v, reader)
	})
}

// now is the view of the present commit.
func (t *tracker) now(take func(*view) error) (*view, *walReader, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.poll(); err != nil {
		return nil, nil, err
	}
	v := &view{t: t, file: t.file, log: t.log, index: make(map[uint32]int64, len(t.index))}
	maps.Copy(v.index, t.index)
	if err := v.measure(); err != nil {
		return nil, nil, err
	}
	return v, t.reader, take(v)
}

// check fails when what the view read may have been written over.
func (t *tracker) check(v *view, reader *walReader) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if inode, err := inodeOf(t.path); err != nil || inode != t.inode || v.file != t.file {
		return errMoved
	}
	if reader == nil {
		return nil
	}
	if head, ok, err := readWALHead(v.log); err != nil || !ok || head.salts != reader.head.salts {
		return errMoved
	}
	return nil
}

// measure reads the size of a page and how many there are from the header of the
// database: https://www.sqlite.org/fileformat2.html#the_database_header
func (v *view) measure() error {
	var b [100]byte
	at, inLog := v.index[1]
	from := v.file
	if inLog {
		from = v.log
	}
	if _, err := from.ReadAt(b[:], at); err != nil {
		return fmt.Errorf("read the database's header: %w", err)
	}
	v.pageSize = int(binary.BigEndian.Uint16(b[16:]))
	if v.pageSize == 1 {
		v.pageSize = 65536
	}
	v.pages = binary.BigEndian.Uint32(b[28:])
	if !validPageSize(v.pageSize) || v.pages == 0 {
		return errors.New("read the database's header: it is damaged")
	}
	return nil
}

// read reads a page into b, which is one page long.
func (v *view) read(page uint32, b []byte) error {
	from, at := v.file, int64(page-1)*int64(v.pageSize)
	if in, ok := v.index[page]; ok {
		from, at = v.log, in
	}
	if _, err := from.ReadAt(b, at); err != nil {
		return fmt.Errorf("read page %d: %w", page, err)
	}
	return nil
}
