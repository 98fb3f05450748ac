/** One complaint about one field of the input, in the form in which every refusal is shown to a person. */

export interface FieldIssue {
  /** JSON path from the root of the body, for example `schedule.cron` or `steps[0].id`; empty for the body itself. */
  readonly path: string;
  /** What is wrong and what would be accepted, as one sentence. */
  readonly message: string;
}
