import type { components } from './schema.gen';

type Schemas = components['schemas'];

/** The six roles and three duties the pages know; the service's document has them as plain strings. */
export type Role = 'student' | 'parent' | 'instructor' | 'admin' | 'staff' | 'partner';
export type Duty = 'head' | 'bursar' | 'site_admin';

export type Me = Schemas['UserBody'] & { role: Role };
export type OpenSession = Schemas['OpenSessionBody'];
export type Tokens = Schemas['TokenBody'];
export type SyncStatus = Schemas['SyncStatus'];

export type Course = Schemas['CourseBody'];
export type CourseDetail = Schemas['CourseDetailBody'];
export type LessonHead = Schemas['LessonHead'];
export type Lesson = Schemas['LessonBody'];
export type Download = Schemas['CourseStatus'];

export type Enrollment = Schemas['Enrollment'];
export type ClassMember = Schemas['ClassMember'];

export type Assessment = Schemas['Assessment'];
export type Question = Schemas['AssessmentQuestion'];
export type Answer = Schemas['SubmittedAnswer'];
export type SubmissionResult = Schemas['SubmissionResult'];
export type QuestionResult = Schemas['QuestionResult'];

export type TutorMessage = Schemas['TutorMessage'];
export type AnswerKind = Schemas['TutorSource']['kind'];
export type TutorHistory = Schemas['TutorHistoryOutBody'];
export type Alert = Schemas['SafeguardingAlert'];

export type SchoolLearner = Schemas['LearnerBody'];
export type SchoolInstructor = Schemas['SchoolInstructor'];
/** A child's fresh PIN or pictures, on paper. */
export type SecretCard = Schemas['CardBody'];
/** An adult of a learner. */
export type Guardian = Schemas['GuardianBody'];
/** A learner on a school's list, which holds more of her than her class does. */
export type RosterLine = Schemas['RosterLine'];
export type SchoolClass = Schemas['SchoolClass'];
export type SchoolTerm = Schemas['SchoolTerm'];
export type RosterTodo = Schemas['RosterTodo'];
export type RosterMerge = Schemas['RosterMerge'];
export type ImportPlan = Schemas['ImportOutBody'];
export type ImportRow = Schemas['ImportRow'];
export type CodeSlip = Schemas['CodeSlip'];
/** One fact: a guardian said yes or no. The latest of a purpose counts. */
export type Consent = Schemas['ConsentBody'];
export type ConsentTexts = Schemas['ConsentTextsOutBody'];
export type ConsentText = Schemas['ConsentText'];
export type School = Schemas['SchoolBody'];
export type ClaimCode = Schemas['ClaimCode'];
export type Box = Schemas['Box'];
export type LineUse = Schemas['LineUse'];
export type HeldBox = Schemas['HeldBox'];
export type Replacement = Schemas['Replacement'];
export type Licence = Schemas['Licence'];
export type Incident = Schemas['Told'];
export type Letter = Schemas['Letter'];
export type OpenLetter = Schemas['OpenLetter'];

export type HandOver = Schemas['HandOver'];
export type CarryFile = Schemas['CarryFile'];

export type Payment = Schemas['Payment'];

export type ChildOverview = Schemas['FamilyChild'];
export type ChildProgress = Schemas['ChildProgress'];

export type Application = Schemas['StaffApplication'];
/** What the office of an admin works with. */
export type UserLine = Schemas['UserLine'];
export type ManagedUser = Schemas['ManagedUser'];
export type OwnPower = Schemas['OwnPower'];
export type PermittedFeature = Schemas['PermittedFeature'];
export type AuditEntry = Schemas['AuditEntry'];

/** A request for an erasure, with its receipt. It names nobody. */
export type Erasure = Schemas['ErasureBody'];
export type ErasureLine = Schemas['ErasureLine'];
