import { type ComponentType, lazy, Suspense, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, Outlet, Route, Routes, useLocation } from 'react-router';
import type { Duty, Me, Role } from '../api/types';
import { useMe, useSession } from '../features/identity/session';
import { laterTexts } from '../i18n';
import { useConnection } from '../offline/connection';
import { ButtonLink } from '../ui/Button';
import { Page } from '../ui/Card';
import { Skeleton } from '../ui/Loaded';
import { Notice } from '../ui/Notice';
import { patiently } from './patiently';
import { Shell } from './Shell';

/** Every page is its own chunk: a student's phone never loads the fleet list. */
function page<K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K) {
  return lazy(async () => ({ default: (await patiently(load))[name] }));
}

/** A page with texts that are not among a learner's first; it waits for them too. */
function later<K extends string>(load: () => Promise<Record<K, ComponentType>>, name: K) {
  return page(async () => (await Promise.all([load(), laterTexts()]))[0], name);
}

const SignIn = page(() => import('../features/identity/SignIn'), 'SignIn');
const ClassNames = page(() => import('../features/identity/SignIn'), 'ClassNames');
const PinEntry = page(() => import('../features/identity/PinEntry'), 'PinEntry');
const PasswordSignIn = page(() => import('../features/identity/PasswordSignIn'), 'PasswordSignIn');
const ClassDoor = later(() => import('../features/door/ClassDoor'), 'ClassDoor');
const SetSchoolPassword = page(() => import('../features/door/Redeem'), 'SetSchoolPassword');
const Recover = page(() => import('../features/door/Redeem'), 'Recover');
const Renew = page(() => import('../features/door/Redeem'), 'Renew');
const Sheets = later(() => import('../features/door/Sheets'), 'Sheets');
const Register = page(() => import('../features/accounts/Register'), 'Register');
const VerifyEmail = page(() => import('../features/accounts/VerifyEmail'), 'VerifyEmail');
const Forgot = page(() => import('../features/accounts/Forgot'), 'Forgot');
const ResetPassword = page(() => import('../features/accounts/ResetPassword'), 'ResetPassword');
const Application = later(() => import('../features/accounts/Application'), 'Application');
const Applications = later(() => import('../features/accounts/Applications'), 'Applications');
const Profile = page(() => import('../features/identity/Profile'), 'Profile');
const Security = page(() => import('../features/identity/Security'), 'Security');
const Privacy = page(() => import('../features/identity/Privacy'), 'Privacy');
const WhoSees = later(() => import('../features/identity/WhoSees'), 'WhoSees');
const ClassList = later(() => import('../features/learning/ClassList'), 'ClassList');
const LearnerPage = later(() => import('../features/learning/LearnerPage'), 'LearnerPage');
const StudentHome = page(() => import('../features/learning/StudentHome'), 'StudentHome');
const LessonPage = page(() => import('../features/learning/LessonPage'), 'LessonPage');
const Children = page(() => import('../features/learning/Children'), 'Children');
const ChildPage = page(() => import('../features/learning/ChildPage'), 'ChildPage');
const Unsent = page(() => import('../features/learning/Unsent'), 'Unsent');
const Courses = page(() => import('../features/catalogue/Courses'), 'Courses');
const CoursePage = page(() => import('../features/catalogue/CoursePage'), 'CoursePage');
const Downloads = later(() => import('../features/catalogue/Downloads'), 'Downloads');
const Roster = later(() => import('../features/roster/Roster'), 'Roster');
const Typing = later(() => import('../features/roster/Typing'), 'Typing');
const Import = later(() => import('../features/roster/Import'), 'Import');
const RosterLearner = later(() => import('../features/roster/Learner'), 'Learner');
const Classes = later(() => import('../features/roster/Classes'), 'Classes');
const Merges = later(() => import('../features/roster/Merges'), 'Merges');
const Receive = later(() => import('../features/roster/Receive'), 'Receive');
const Family = later(() => import('../features/home/Family'), 'Family');
const Visitor = later(() => import('../features/catalogue/Visitor'), 'Visitor');
const QuizPage = page(() => import('../features/assessment/QuizPage'), 'QuizPage');
const Results = page(() => import('../features/assessment/Results'), 'Results');
const Tutor = page(() => import('../features/tutor/Tutor'), 'Tutor');
const Alerts = later(() => import('../features/tutor/Alerts'), 'Alerts');
const BursarPayments = later(() => import('../features/payments/BursarPayments'), 'BursarPayments');
const ParentPayments = page(() => import('../features/payments/ParentPayments'), 'ParentPayments');
const Schools = later(() => import('../features/fleet/Schools'), 'Schools');
const ClaimAgain = later(() => import('../features/fleet/ClaimAgain'), 'ClaimAgain');
const SchoolPage = later(() => import('../features/fleet/SchoolPage'), 'SchoolPage');
const Carry = later(() => import('../features/carry/Carry'), 'Carry');
const Fleet = later(() => import('../features/fleet/Fleet'), 'Fleet');
const BoxPage = later(() => import('../features/fleet/BoxPage'), 'BoxPage');
const Office = later(() => import('../features/office/Office'), 'Office');
const People = later(() => import('../features/office/People'), 'People');
const Person = later(() => import('../features/office/Person'), 'Person');
const Permissions = later(() => import('../features/office/Permissions'), 'Permissions');
const AuditLog = later(() => import('../features/office/Logs'), 'AuditLog');
const Erasures = later(() => import('../features/office/Erasures'), 'Erasures');
const ErrorLog = later(() => import('../features/office/Logs'), 'ErrorLog');
const Receipt = later(() => import('../features/personal/Receipt'), 'Receipt');
const KeptAside = later(() => import('../features/fleet/KeptAside'), 'KeptAside');

const HOMES: Record<Role, ComponentType> = {
  student: StudentHome,
  parent: Children,
  instructor: ClassList,
  admin: Schools,
  staff: Visitor,
  partner: Visitor,
};

/** What a learner opens next, fetched while the box answers, so that a flicker of the Wi-Fi stops nobody. */
const AHEAD = [
  () => import('../features/catalogue/CoursePage'),
  () => import('../features/learning/LessonPage'),
  () => import('../features/assessment/QuizPage'),
  () => import('../features/learning/Unsent'),
  () => import('../features/tutor/Tutor'),
];

export function Pages() {
  const role = useSession((s) => s.me?.role);
  useEffect(() => {
    if (role !== 'student') return;
    const timer = setTimeout(() => {
      for (const load of AHEAD) void load().catch(() => undefined);
    }, 2_000);
    return () => clearTimeout(timer);
  }, [role]);

  return (
    <Suspense>
      <Routes>
        <Route element={<Shell />}>
          <Route element={<OnlyOut />}>
            <Route path="/sign-in" element={<SignIn />} />
            <Route path="/sign-in/password" element={<PasswordSignIn />} />
            <Route path="/sign-in/school-password" element={<SetSchoolPassword />} />
            <Route path="/sign-in/recovery" element={<Recover />} />
            <Route path="/sign-in/renewal" element={<Renew />} />
            <Route path="/sign-in/classes/:class" element={<ClassNames />} />
            <Route path="/sign-in/classes/:class/:learner" element={<PinEntry />} />
            <Route path="/register" element={<Register />} />
            <Route path="/forgot" element={<Forgot />} />
          </Route>
          <Route path="/verify-email" element={<VerifyEmail />} />
          <Route path="/reset-password" element={<ResetPassword />} />
          <Route element={<OnlyIn />}>
            <Route index element={<Home />} />
            <Route path="/me" element={<Profile />} />
            <Route path="/me/security" element={<Security />} />
            <Route path="/who-sees" element={<WhoSees />} />
            <Route path="/application" element={<Home />} />
            <Route path="/courses" element={<Courses />} />
            <Route path="/courses/:course" element={<CoursePage />} />
            <Route element={<OnlyIn roles={['student']} />}>
              <Route path="/courses/:course/lessons/:lesson" element={<LessonPage />} />
              <Route path="/quizzes/:quiz" element={<QuizPage />} />
              <Route path="/results" element={<Results />} />
              <Route path="/me/privacy" element={<Privacy />} />
              <Route path="/tutor" element={<Tutor />} />
              <Route path="/family" element={<Family />} />
              <Route path="/unsent" element={<Unsent />} />
            </Route>
            <Route element={<OnlyIn roles={['instructor']} />}>
              <Route path="/learners/:learner" element={<LearnerPage />} />
              {rosterPages('/roster')}
              <Route path="/class-sign-in" element={<ClassDoor />} />
              <Route path="/recovery-sheets" element={<Sheets />} />
              <Route path="/downloads" element={<Downloads />} />
            </Route>
            <Route element={<OnlyIn roles={['parent']} />}>
              <Route path="/children/:child" element={<ChildPage />} />
            </Route>
            <Route element={<OnlyIn roles={['instructor', 'parent']} />}>
              <Route path="/payments" element={<Payments />} />
            </Route>
            <Route element={<OnlyIn duties={['head', 'site_admin']} />}>
              <Route path="/claim-again" element={<ClaimAgain />} />
            </Route>
            <Route element={<OnlyIn roles={['admin', 'instructor']} />}>
              <Route path="/schools/:school" element={<SchoolPage />} />
              <Route path="/alerts" element={<Alerts />} />
              {rosterPages('/schools/:school/roster')}
            </Route>
            <Route element={<OnlyIn roles={['admin', 'staff']} />}>
              <Route path="/applications" element={<Applications />} />
              <Route path="/office" element={<Office />} />
              <Route path="/office/people" element={<People />} />
              <Route path="/office/people/:id" element={<Person />} />
              <Route path="/office/permissions" element={<Permissions />} />
              <Route path="/office/audit" element={<AuditLog />} />
              <Route path="/office/errors" element={<ErrorLog />} />
              <Route path="/office/erasures" element={<Erasures />} />
              <Route path="/fleet" element={<Fleet />} />
              <Route path="/fleet/kept-aside" element={<KeptAside />} />
              <Route path="/fleet/:school" element={<BoxPage />} />
            </Route>
          </Route>
          <Route path="/carry" element={<Carry />} />
          <Route path="/erasure" element={<Receipt />} />
          <Route path="/erasure/:code" element={<Receipt />} />
          <Route path="*" element={<NotFound />} />
        </Route>
      </Routes>
    </Suspense>
  );
}

/** The pages of a school's list: a teacher's own, or one that an admin opened. */
function rosterPages(base: string) {
  return (
    <Route path={base}>
      <Route index element={<Roster />} />
      <Route path="type" element={<Typing />} />
      <Route path="import" element={<Import />} />
      <Route path="classes" element={<Classes />} />
      <Route path="merges" element={<Merges />} />
      <Route path="receive" element={<Receive />} />
      <Route path="learners/:learner" element={<RosterLearner />} />
    </Route>
  );
}

function Home() {
  const me = useMe();
  if (!me.is_active) return <Application />;
  const HomeOfRole = HOMES[me.role];
  return <HomeOfRole />;
}

function Payments() {
  const me = useMe();
  if (me.role === 'parent') return <ParentPayments />;
  // The table of permissions opens a school's payments to its bursar and its head.
  return has(me, ['bursar', 'head']) ? <BursarPayments /> : <NotFound />;
}

const has = (me: Me, duties: Duty[]) => duties.some((duty) => me.duties?.includes(duty));

/** Pages behind the sign-in. A role or duty that has no business on a page sees "not found", as on the server. */
function OnlyIn({ roles, duties }: { roles?: Role[]; duties?: Duty[] }) {
  const { t } = useTranslation();
  const { state, me, left } = useSession();
  const { pathname } = useLocation();
  if (state === 'checking') return <Skeleton />;
  if (state === 'unknown') {
    return (
      <Notice kind="waiting" live>
        {t('session.unknown')}
      </Notice>
    );
  }
  if (!me) return <Navigate to="/sign-in" replace state={left ? null : { from: pathname }} />;
  if (me.second_factor_first) return <Security />;
  if (roles && !(me.is_active && roles.includes(me.role))) return <NotFound />;
  if (duties && !(me.is_active && has(me, duties))) return <NotFound />;
  return <Outlet />;
}

/** Sign-in pages; whoever is signed in already goes home. Which sign-in it is depends on the side. */
function OnlyOut() {
  const { state } = useSession();
  const side = useConnection((s) => s.status?.side);
  const known = useConnection((s) => s.status !== null || s.reachable === false);
  const from = (useLocation().state as { from?: string } | null)?.from;
  if (state === 'in') return <Navigate to={side === 'cloud' && from ? from : '/'} replace />;
  if (state === 'checking' || !known) return <Skeleton />;
  return <Outlet />;
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <Page title={t('not_found.title')} lead={t('not_found.text')}>
      <ButtonLink to="/">{t('not_found.home')}</ButtonLink>
    </Page>
  );
}
