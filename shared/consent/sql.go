package consent

import (
	"context"

	"urbanhomeschool.org/uhs/shared/db"
)

const settingsColumns = `id, learner_id, profile_visibility, show_online_status, show_achievements, show_streak, allow_friend_requests,
	allow_study_group_invites, updated_at`

var (
	selectSettings = db.SQL{Both: `SELECT ` + settingsColumns + ` FROM privacy_settings WHERE learner_id = $1`}
	pageSettings   = db.SQL{Both: `SELECT ` + settingsColumns + ` FROM privacy_settings WHERE learner_id = $1 AND id > $2 ORDER BY id LIMIT $3`}
	upsertSettings = db.SQL{Both: `INSERT INTO privacy_settings (` + settingsColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET profile_visibility = excluded.profile_visibility, show_online_status = excluded.show_online_status,
			show_achievements = excluded.show_achievements, show_streak = excluded.show_streak,
			allow_friend_requests = excluded.allow_friend_requests, allow_study_group_invites = excluded.allow_study_group_invites,
			updated_at = excluded.updated_at`}

	insertPhoto = db.SQL{Both: `INSERT INTO consent_photos (hash, learner_id, image, by_id, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING`}
	countPhoto  = db.SQL{Both: `SELECT count(*) FROM consent_photos WHERE hash = $1 AND learner_id = $2`}
	selectPhoto = db.SQL{Both: `SELECT image FROM consent_photos WHERE hash = $1 AND learner_id = $2`}
)

func putSettings(ctx context.Context, tx db.Tx, v Settings) (bool, error) {
	_, err := tx.Exec(ctx, upsertSettings, v.ID, string(v.Learner), string(v.ProfileVisibility), v.ShowOnlineStatus, v.ShowAchievements, v.ShowStreak,
		v.AllowFriendRequests, v.AllowStudyGroupInvites, v.UpdatedAt)
	return err == nil, err
}

func scanSettings(r db.Rows) (v Settings, err error) {
	return v, r.Scan(&v.ID, &v.Learner, &v.ProfileVisibility, &v.ShowOnlineStatus, &v.ShowAchievements, &v.ShowStreak,
		&v.AllowFriendRequests, &v.AllowStudyGroupInvites, &v.UpdatedAt)
}
