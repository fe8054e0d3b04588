-- +goose Up
-- Snapshots and digests read the records of one school, person by person: see
-- syncer.Registry.Walk.

CREATE INDEX payment_outcomes_learner ON payment_outcomes (learner_id);
CREATE INDEX tutor_alerts_learner ON tutor_alerts (learner_id);
CREATE INDEX tutor_acknowledgements_learner ON tutor_acknowledgements (learner_id);
CREATE INDEX school_credentials_school ON school_credentials (school_id);
CREATE INDEX duties_school ON duties (school_id);
