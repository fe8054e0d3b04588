package backup

import "time"

// BeatEvery makes a keeper beat faster, before its Start.
func BeatEvery(k *Keeper, d time.Duration) { k.every = d }
