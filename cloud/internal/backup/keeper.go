package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"urbanhomeschool.org/uhs/shared/db"
	"urbanhomeschool.org/uhs/shared/logging"
	"urbanhomeschool.org/uhs/shared/service"
)

// Keeper is held by a cloud that serves: its lock tells restore to stay away,
// and its beat keeps the copy of the life outside the database.
type Keeper struct {
	*service.Loop

	s     *Service
	db    db.DB
	lost  func(error)
	life  Life
	conn  *pgx.Conn
	every time.Duration
}

// beatEvery is how far a rewind must go back to be seen at start. What is
// shorter is still seen by the marks of the appliances.
const beatEvery = 10 * time.Second

// Keep takes the lock and finds out which life of the database this is. lost is
// called when the database is rewound while the cloud runs: it has to stop and
// start again.
func (s *Service) Keep(ctx context.Context, d db.DB, lost func(error)) (*Keeper, error) {
	k := &Keeper{s: s, db: d, lost: lost, every: beatEvery}
	if err := k.connect(ctx); err != nil {
		return nil, err
	}
	var err error
	if k.life, err = s.openLife(ctx, d); err == nil {
		err = k.beat(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, k.Close()) //nolint:contextcheck // it ends after ctx
	}
	k.Loop = service.NewLoop(k.run)
	return k, nil
}

// Life is the life this cloud serves in.
func (k *Keeper) Life() Life { return k.life }

func (k *Keeper) connect(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, k.s.o.DatabaseURL)
	if err != nil {
		return fmt.Errorf("lock the database: %w", err)
	}
	if _, err := conn.Exec(ctx, lockServing); err != nil { // waits for a restore that has just ended
		return errors.Join(fmt.Errorf("lock the database: %w", err), conn.Close(ctx))
	}
	k.conn = conn
	return nil
}

func (k *Keeper) run(ctx context.Context) {
	tick := time.NewTicker(k.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := k.alive(ctx)
		if err == nil {
			err = k.beat(ctx)
		}
		if errors.Is(err, ErrRewound) {
			k.lost(err)
			return
		}
		if err != nil && ctx.Err() == nil {
			k.s.o.Log.Warn("the beat of the database", logging.Err(err))
		}
	}
}

// alive looks after the lock, which a broken connection loses.
func (k *Keeper) alive(ctx context.Context) error {
	if k.conn.Ping(ctx) == nil {
		return nil
	}
	_ = k.conn.Close(ctx) // it is broken
	return k.connect(ctx)
}

// ErrRewound says that the database went back while the cloud ran on it.
var ErrRewound = errors.New("the database was put back to an older state while the cloud was running on it")

// beat moves the counter: the database first, then the copy.
func (k *Keeper) beat(ctx context.Context) error {
	now := k.s.o.Clock.Now()
	var beat int64
	err := k.db.Update(ctx, func(tx db.Tx) error {
		rows, err := tx.Query(ctx, moveBeat, k.life.Timeline, now)
		beat, err = db.One(rows, err, db.Scalar[int64])
		return err
	})
	if errors.Is(err, db.ErrNoRows) || err == nil && beat <= k.life.Beat {
		return ErrRewound
	}
	if err != nil {
		return err
	}
	k.life.Beat, k.life.BeatAt = beat, now
	return k.s.writeStamp(stamp{k.life.Timeline, beat, now})
}

// Close gives the lock back; after Stop.
func (k *Keeper) Close() error { return k.conn.Close(context.Background()) }
