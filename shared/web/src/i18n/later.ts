/**
 * The names of texts that travel as a file of their own, because a learner's first pages do not show
 * them. A page that shows one is made with later() in app/Pages.tsx; a test follows the imports.
 */
export const LATER =
  /^((fleet|people|office|permissions|audit|errors|boxes|import|typing|merge|receive|classes|letters|review|apply|line|incidents|licences|instructors|roster|feature|grade|again|cards|carry|carrier|schools|alerts|visitor|school|erasure)\.|who_sees\.(?!open))/;
