/** The answers of the service that the pages use, under the names the pages call them by. */

export type Role = 'student' | 'parent' | 'instructor' | 'admin' | 'staff' | 'partner';
export type Duty = 'head' | 'bursar' | 'site_admin';

export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
}

export interface Me {
  id: string;
  email: string;
  role: Role;
  duties?: Duty[];
  school_id?: string | null;
  profile_data: {
    full_name: string;
    phone_number?: string;
    grade_level?: string;
    school_name?: string;
  };
}

export interface SyncStatus {
  side: 'school' | 'cloud';
  /** False: this box does not belong to a school yet. */
  claimed: boolean;
  school: { id: string; name: string } | null;
  link: 'up' | 'down' | 'none';
  waiting: number;
  oldest_waiting_at?: string | null;
  last_synced_at?: string | null;
  carrier?: string;
}

export interface SchoolClass {
  id: string;
  name: string;
  learners: number;
}

export interface LearnerName {
  id: string;
  name: string;
}

export interface Course {
  id: string;
  title: string;
  description: string;
  grade_levels: string[];
  learning_area: string;
  language: string;
  price: number;
  currency: string;
  is_paid: boolean;
  is_platform_created: boolean;
}

export interface LessonHead {
  id: string;
  title: string;
  description?: string;
  duration_minutes: number;
  content_type: string;
  order: number;
  strand?: string;
  sub_strand?: string;
  assessment_id?: string | null;
}

export interface CourseDetail extends Course {
  syllabus: { strands: { name: string; sub_strands: string[] }[] };
  lessons: LessonHead[];
  /** Whether the signed-in learner may open the paid lessons; absent when nobody is signed in. */
  entitled?: boolean;
}

export interface CoursePage {
  courses: Course[];
  total: number;
  skip: number;
  limit: number;
  has_more: boolean;
}

export interface Enrollment {
  id: string;
  course_id: string;
  course_title: string;
  learning_area: string;
  status: string;
  progress: number;
  completed_lessons: string[];
  total_lessons: number;
  last_activity?: string | null;
  next_lesson?: { id: string; title: string; duration_minutes: number } | null;
}

export interface Lesson extends LessonHead {
  course_id: string;
  html: string;
  outcomes: string[];
}

export type QuestionType = 'single' | 'multiple' | 'numeric' | 'short_text';

export interface Question {
  id: string;
  type: QuestionType;
  question: string;
  options?: { id: string; text: string }[];
  unit?: string;
  points: number;
}

export interface Assessment {
  id: string;
  course_id: string;
  lesson_id: string;
  edition: number;
  title: string;
  description: string;
  total_points: number;
  passing_score: number;
  questions: Question[];
}

export interface Answer {
  question_id: string;
  selected_option?: string;
  selected_options?: string[];
  text_answer?: string;
  numeric_answer?: number;
}

export interface QuestionResult {
  question_id: string;
  answered: boolean;
  correct: boolean;
  points: number;
  max_points: number;
  correct_options?: string[];
  correct_number?: number;
  correct_text?: string;
  explanation: string;
}

export interface SubmissionResult {
  submission_id: string;
  assessment_id: string;
  attempt_number: number;
  is_graded: boolean;
  score: number;
  total_points: number;
  percentage: number;
  passed: boolean;
  feedback?: string;
  submitted_at: string;
  results: QuestionResult[];
}

export interface Submission {
  submission_id: string;
  assessment_id: string;
  assessment_title: string;
  course_title: string;
  attempt_number: number;
  score: number;
  total_points: number;
  percentage: number;
  passed: boolean;
  submitted_at: string;
}

export interface Today {
  part_of_day: 'morning' | 'afternoon' | 'evening';
  minutes_today: number;
  streak: { current: number; longest: number };
}

/** Where an answer of the tutor came from. */
export type AnswerKind = 'lesson_passages' | 'local_model' | 'cloud_model' | 'none' | 'safety';

export interface TutorSource {
  kind: AnswerKind;
  reason: string;
  passages: { course_title: string; lesson_title: string; heading: string; link: string }[];
}

export interface TutorMessage {
  role: 'user' | 'assistant';
  content: string;
  timestamp: string;
  question_id: string;
  source: TutorSource | null;
  /** Of a question: a better answer may still come from the cloud. */
  queued: boolean;
  /** Of an answer: it came from the cloud after another was shown. */
  better: boolean;
}

export interface TutorHistory {
  messages: TutorMessage[];
  total_messages: number;
}

export interface SchoolLearner {
  id: string;
  full_name: string;
  grade: string;
  class_name: string;
  admission_number?: string;
  status: string;
  has_pin: boolean;
}

export interface Guardian {
  id: string;
  name: string;
  phone_number?: string;
  verified: boolean;
  relationship: string;
}

export interface ClassMember {
  learner_id: string;
  name: string;
  grade_level: string;
  class_name: string;
  courses: {
    course_id: string;
    title: string;
    learning_area: string;
    progress_percent: number;
    lessons_completed: number;
    total_lessons: number;
    minutes_spent: number;
    last_activity?: string | null;
  }[];
}

export interface Payment {
  id: string;
  user_id: string;
  course_id: string;
  transaction_id: string;
  reference_number: string;
  amount: number;
  currency: string;
  state: string;
  reason?: string;
  phone_number: string;
  created_at: string;
  expires_at: string;
}

export interface ChildOverview {
  id: string;
  name: string;
  grade_level: string;
  minutes_today: number;
  sessions_today: number;
  as_of?: string | null;
  performance?: { weekly_average?: number | null; strongest_subject?: string | null };
}

export interface ParentOverview {
  total_children: number;
  total_minutes_today: number;
  children: ChildOverview[];
}

export interface ChildProgress {
  child_id: string;
  child_name: string;
  grade_level: string;
  as_of?: string | null;
  overall_progress: {
    courses_enrolled: number;
    courses_completed: number;
    average_score: number | null;
    total_time_hours: number;
    streak_days: number;
  };
  subjects: {
    name: string;
    progress_percent: number;
    average_score: number | null;
    lessons_completed: number;
    total_lessons: number;
  }[];
  recent_activities: {
    id: string;
    type: 'quiz' | 'lesson' | 'course';
    subject: string;
    title: string;
    score?: number | null;
    completed_at: string;
  }[];
}

/** One fact: a guardian said yes or no. The latest of a purpose counts. */
export interface Consent {
  id: string;
  purpose: string;
  given: boolean;
  guardian_name: string;
  method: string;
  text_version: string;
  at: string;
}

export interface Alert {
  id: string;
  learner_id: string;
  learner_name: string;
  category: string;
  severity: 'high' | 'standard';
  at: string;
  is_acknowledged: boolean;
}

export interface School {
  id: string;
  name: string;
  code: string;
  county?: string;
  language: string;
  named_adult_id?: string;
}

export interface ClaimCode {
  code: string;
  expires_at: string;
}

export interface Box {
  school_id: string;
  school: string;
  code: string;
  county: string;
  status: 'online' | 'late' | 'offline' | 'never';
  software?: string;
  carrier?: string;
  last_seen_at?: string | null;
  as_of?: string | null;
  behind: number;
  unsent: number;
}

export interface Download {
  course_id: string;
  title: string;
  edition: number;
  state: string;
  bytes_done: number;
  bytes_total: number;
}

export interface Licence {
  course_id: string;
  title: string;
  edition: number;
}
