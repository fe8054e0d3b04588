package access

// any of these grades, or Full.
func of(f Feature, grades ...Grade) Need { return Need{f, grades} }

// Operations says for every operation of the API, by its id, what opens it. An
// operation's own Roles can narrow this further, to the roles for which it makes
// sense; they cannot widen it.
func Operations() map[string]Need {
	return map[string]Need{
		"logout": of(Account, Own), "me": of(Account, Own), "get-own-profile": of(Account, Own), "update-own-profile": of(Account, Own),
		"change-own-password": of(Account, Own), "own-powers": of(Account, Own),
		"list-own-sessions": of(Account, Own), "end-own-session": of(Account, Own), "end-other-sessions": of(Account, Own),
		"get-second-factor": of(Account, Own), "begin-second-factor": of(Account, Own), "confirm-second-factor": of(Account, Own),
		"remove-second-factor": of(Account, Own), "new-recovery-codes": of(Account, Own), "reset-second-factor": of(Users),

		"resend-verification": of(Account, Own), "change-own-phone": of(Account, Own), "change-own-email": of(Account, Own), "set-own-avatar": of(Account, Own),
		"remove-own-avatar": of(Account, Own), "deactivate-own-account": of(Account, Own),
		"delete-user": of(Users), "restore-user": of(Users),

		"apply-as-instructor": of(Applications, Own), "put-application-document": of(Applications, Own),
		"list-instructor-applications": of(Applications, Own, Manage), "get-instructor-application": of(Applications, Own, Manage),
		"get-application-document": of(Applications, Own, Manage), "approve-instructor-application": of(Applications, Manage),
		"reject-instructor-application": of(Applications, Manage), "list-staff-applications": of(Applications, Manage),
		"decide-staff-application": of(Applications, Manage),

		"tutor-chat": of(Tutor), "tutor-history": of(Tutor), "tutor-reset": of(Tutor), "tutor-response-mode": of(Tutor), "tutor-status": of(Tutor),
		"student-ai-chat": of(Tutor),

		"enroll": of(Enrolment), "my-enrollments": of(Enrolment), "complete-lesson": of(Enrolment), "open-lesson": of(Enrolment), "spend-time": of(Enrolment),
		"submit-assessment": of(Enrolment), "my-submissions": of(Enrolment), "get-grade": of(Enrolment),
		"get-lesson": of(Lessons, Read), "get-assessment": of(Lessons, Read), "list-assessments": of(Lessons, Read),

		"initiate-payment": of(Payments), "payment-status": of(Payments), "list-transactions": of(Payments),
		"confirm-payment": of(Payments), "list-parent-payments": of(Payments),
		"list-school-payments": of(Finance, View), "list-payment-reviews": of(Finance, View), "resolve-payment-review": of(Finance),

		"student-today": of(Analytics, Own), "course-progress": of(Analytics, Own), "learner-progress": of(Analytics, Own, ViewChild, View),
		"child-progress": of(Analytics, ViewChild), "family-overview": of(Analytics, ViewChild), "family-highlights": of(Analytics, ViewChild),
		"class-progress": of(Analytics, Own, View),

		"list-users": of(Users), "get-user": of(Users), "create-user": of(Users), "set-user-status": of(Users), "set-user-role": of(Users),
		"list-erasures": of(Users), "restrict-user": of(Users), "lift-restriction": of(Users),
		"staff-list-users": of(Users, View, Manage), "staff-get-user": of(Users, View, Manage),

		"get-school": of(Schools, View), "list-schools": of(Fleet, View), "create-school": of(Fleet),
		"add-learner": of(Roster, Manage), "add-instructor": of(Roster, Manage), "link-guardian": of(Guardians, Manage),
		"list-instructors": of(Roster, Manage), "set-duty": of(Roster), "set-named-adult": of(Safeguarding),
		"list-school-learners": of(Roster, View, Manage), "list-guardians": of(Guardians, View, Manage),
		"set-pin": of(SignIn, View, Manage), "set-school-password": of(SignIn, View, Manage),

		"list-consents": of(Consents, View, Own, Manage), "record-consent": of(Consents, View, Own, Manage),
		"export-person": of(Account, Own), "ask-erasure": of(Account, Own), "withdraw-erasure": of(Account, Own), "get-erasure": of(Account, Own),
		"who-sees":      of(Account, Own),
		"consent-texts": of(Account, Own), "student-privacy": of(Account, Own), "set-student-privacy": of(Account, Own),
		"add-consent-photo": of(Consents, Manage), "consent-photo": of(Consents, Own, Manage),
		"parent-consents": of(Consents, Own), "set-parent-privacy": of(Consents, Own),
		"ask-for-consent": of(Guardians, View, Manage), "consent-questions": of(Consents, Own, Manage),
		// The use-cases let a class teacher change her own class, and nobody else's.
		"list-roster": of(Roster, View, Manage), "add-to-roster": of(Roster, View, Manage), "change-roster": of(Roster, View, Manage),
		"leave-school": of(Roster, View, Manage), "unlink-guardian": of(Roster, View, Manage), "make-codes": of(Roster, View, Manage),
		"list-school-classes": of(Roster, View, Manage), "list-school-terms": of(Roster, View, Manage), "export-roster": of(Roster, View, Manage),
		"save-school-class": of(Roster, Manage), "save-school-term": of(Roster, Manage), "import-roster": of(Roster, Manage),
		"list-merges": of(Roster, Manage), "merge-learners": of(Roster, Manage), "undo-merge": of(Roster, Manage),
		"receive-learner": of(Roster, Manage), "list-roster-todos": of(Roster, Manage), "dismiss-roster-todo": of(Roster, Manage),
		"add-child": of(Account, Own), "make-transfer-code": of(Account, Own), "open-child-session": of(Account, Own), "return-to-parent": of(Account, Own),
		"family-at-home": of(Account, Own),

		"safeguarding-alerts": of(Safeguarding, View), "safeguarding-acknowledge": of(Safeguarding, View),

		"make-cards": of(SignIn, View, Manage), "open-pictures": of(SignIn, View, Manage), "close-pictures": of(SignIn, View, Manage),
		"list-locked": of(SignIn, View, Manage), "unlock-learner": of(SignIn, View, Manage),
		"list-recovery-sheets": of(SignIn), "make-recovery-sheet": of(SignIn), "issue-school-code": of(Account, Own),

		"list-carried": of(Box, View), "list-downloads": of(Box, View), "carry-work": of(Box, View), "claim-again": of(Box),

		"fleet": of(Fleet, View), "fleet-box": of(Fleet, View), "incidents": of(Fleet, View), "see-incident": of(Fleet), "school-boxes": of(Fleet, View),
		"school-line": of(Fleet, View), "set-school-line": of(Fleet), "list-licences": of(Fleet, View), "grant-licence": of(Fleet),
		"dead-letters": of(Fleet), "dead-letter": of(Fleet), "replay-dead-letters": of(Fleet), "replay-dead-letter": of(Fleet), "discard-dead-letter": of(Fleet),
		"resume-lane": of(Fleet), "create-claim-code": of(Fleet), "replace-box": of(Fleet), "decide-box": of(Fleet),

		"permissions": of(Permissions), "list-delegations": of(Permissions), "delegate": of(Permissions), "withdraw-delegation": of(Permissions),
		"audit-logs": of(Audit), "staff-audit-log": of(Audit, View, Manage), "school-audit-log": of(Audit, Own),
		"error-log": of(Errors, View, Manage),
	}
}

// NeedOf is what opens an operation; false when nobody has said so.
func NeedOf(operation string) (Need, bool) {
	n, ok := Operations()[operation]
	return n, ok
}
