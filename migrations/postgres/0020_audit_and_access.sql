-- +goose Up
-- Who did what (shared/audit), who may do what beyond the table of roles
-- (shared/access), and what went wrong (shared/api).

-- A chain per node: the cloud's own, and a copy of every school's box's.
CREATE TABLE audit_entries (
	id uuid PRIMARY KEY,
	node text COLLATE "C" NOT NULL, -- 'cloud', or school/appliance
	seq bigint NOT NULL,
	school_id text COLLATE "C" NOT NULL, -- empty when no school is concerned
	at timestamptz NOT NULL,
	action text COLLATE "C" NOT NULL,
	actor_id text COLLATE "C" NOT NULL, -- empty: nobody was signed in
	role text COLLATE "C" NOT NULL,
	target_kind text COLLATE "C" NOT NULL,
	target_id text COLLATE "C" NOT NULL,
	status bigint NOT NULL, -- of the HTTP answer; 0 for notes of a use-case
	ip text COLLATE "C" NOT NULL,
	user_agent text NOT NULL,
	request_id text COLLATE "C" NOT NULL,
	details text NOT NULL, -- JSON {before, after, salt}; emptied by an erasure
	details_hash text COLLATE "C" NOT NULL,
	prev text COLLATE "C" NOT NULL,
	hash text COLLATE "C" NOT NULL
);
CREATE INDEX audit_entries_node ON audit_entries (node, seq);
CREATE INDEX audit_entries_at ON audit_entries (at, id);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, at);
CREATE INDEX audit_entries_target ON audit_entries (target_id, at);
CREATE INDEX audit_entries_school ON audit_entries (school_id, at);

-- Where the chain that this node writes ends.
CREATE TABLE audit_heads (
	node text COLLATE "C" PRIMARY KEY,
	seq bigint NOT NULL,
	hash text COLLATE "C" NOT NULL
);

-- Nothing is changed or taken away, but for the details of an erased person.
-- +goose StatementBegin
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.details = '' THEN
		NEW.details := OLD.details;
		IF NEW = OLD THEN
			NEW.details := '';
			RETURN NEW;
		END IF;
	END IF;
	RAISE EXCEPTION 'the audit log is append-only';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_entries_not_emptied BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- What an admin lends a member of staff, for a time.
CREATE TABLE delegations (
	id uuid PRIMARY KEY,
	account_id uuid NOT NULL,
	feature text COLLATE "C" NOT NULL,
	grade text COLLATE "C" NOT NULL,
	granted_by uuid NOT NULL,
	reason text NOT NULL,
	granted_at timestamptz NOT NULL,
	until timestamptz NOT NULL,
	withdrawn_at timestamptz
);
CREATE INDEX delegations_account ON delegations (account_id, until);

-- What a person may not do for a time; sign_in shuts the account.
CREATE TABLE restrictions (
	id uuid PRIMARY KEY,
	account_id uuid NOT NULL,
	kind text COLLATE "C" NOT NULL,
	reason text NOT NULL,
	restricted_by uuid NOT NULL,
	starts_at timestamptz NOT NULL,
	expires_at timestamptz, -- NULL: until it is lifted
	notified boolean NOT NULL,
	lifted_at timestamptz,
	lifted_by uuid
);
CREATE INDEX restrictions_account ON restrictions (account_id, lifted_at);

-- Failures of ours, one row for each kind. Never what was submitted.
CREATE TABLE error_logs (
	fingerprint text COLLATE "C" PRIMARY KEY,
	kind text COLLATE "C" NOT NULL, -- panic | error
	method text COLLATE "C" NOT NULL,
	route text COLLATE "C" NOT NULL,
	message text NOT NULL,
	place text NOT NULL,
	version text NOT NULL,
	count bigint NOT NULL,
	request_id text COLLATE "C" NOT NULL, -- of the latest
	first_at timestamptz NOT NULL,
	last_at timestamptz NOT NULL
);
CREATE INDEX error_logs_last ON error_logs (last_at);
