/**
 * Ids, and the one function that says which object hosts a job.
 *
 * An id sorts by its time and can be read back without a table:
 *
 *     job_       TTTTTTTTTT KKKKKKKKKKKKKKKK          time of creation, key of the job
 *     exe_       TTTTTTTTTT KKKKKKKKKKKKKKKK SSSSSS   due time, key of its job, suffix
 *
 * T is 48 bits of epoch milliseconds, K 80 and S 30 random bits, in lower-case Crockford base 32. The suffix of an
 * execution that a schedule caused is `000000`, so a due time has one id, whoever derives it and how often: a fire that
 * is announced twice cannot become two executions.
 *
 * The key of a job that shares its object with others is not all random (ADR 0018, ADR 0019):
 *
 *     u SSSS NN KKKKKKKKK                             a mark that is no digit, the object (a set, a number), 45 random bits
 */

import type { Random } from "./clock.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_LENGTH = 10;
const KEY_LENGTH = 16;
const SUFFIX_LENGTH = 6;
const SCHEDULED_SUFFIX = "0".repeat(SUFFIX_LENGTH);

/** Base 32 has no `u`, so no key of a job with an object of its own begins with it. */
const SHARED_MARK = "u";
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const MINUTES_PER_HOUR = 60;
/** Hours up to the year 2089; then they begin again, in objects that are long empty or hold a few completed jobs. */
const SET_LENGTH = 4;
const NUMBER_LENGTH = 2;
const SHARED_NAME_LENGTH = SHARED_MARK.length + SET_LENGTH + NUMBER_LENGTH;
/**
 * Many enough for what one object can do (about a thousand events per second, a few thousand jobs in 128 MB) to be a
 * hundred times more than what one hour brings, few enough that thousands of jobs of one instant wake a hundred objects.
 */
export const OBJECTS_PER_SET = 128;

const LETTER = `[${ALPHABET}]`;
const TIME_AND_KEY = `${LETTER}{${TIME_LENGTH}}(?:${LETTER}{${KEY_LENGTH}}|${SHARED_MARK}${LETTER}{${KEY_LENGTH - 1}})`;
const JOB_ID = new RegExp(`^job_${TIME_AND_KEY}$`);
const EXECUTION_ID = new RegExp(`^exe_${TIME_AND_KEY}${LETTER}{${SUFFIX_LENGTH}}$`);

function encodeTime(timeMs: number): string {
  return encodeNumber(timeMs, TIME_LENGTH);
}

/** The last `length` digits. */
function encodeNumber(number: number, length: number): string {
  let rest = number;
  let text = "";
  for (let i = 0; i < length; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function randomText(length: number, random: Random): string {
  let text = "";
  for (let i = 0; i < length; i++) text += ALPHABET.charAt(Math.floor(random() * 32));
  return text;
}

/** `prefix_` + time + 80 random bits: for everything that has no meaning of its own in its id. */
export function newId(
  prefix: "job" | "wks" | "tok" | "sec" | "key" | "whs" | "req" | "batch" | "waitpoint" | "bulk",
  nowMs: number,
  random: Random,
): string {
  return `${prefix}_${encodeTime(nowMs)}${randomText(KEY_LENGTH, random)}`;
}

/** The set of objects for jobs that fire once, in the same hour as `dueMs`. */
export function setOfHour(dueMs: number): number {
  return Math.floor(dueMs / HOUR_MS);
}

/**
 * The set of objects for jobs that repeat and first fire in the same minute of any hour as `dueMs`. There are sixty of them,
 * numbered as the hours of January 1970, in which no job is due that fires once.
 */
export function setOfMinute(dueMs: number): number {
  return Math.floor(dueMs / MINUTE_MS) % MINUTES_PER_HOUR;
}

/** The id of a job that shares its object with others, in one of the objects of a set. */
export function newSharedJobId(nowMs: number, set: number, random: Random): string {
  const number = encodeNumber(Math.floor(random() * OBJECTS_PER_SET), NUMBER_LENGTH);
  const rest = randomText(KEY_LENGTH - SHARED_NAME_LENGTH, random);
  return `job_${encodeTime(nowMs)}${SHARED_MARK}${encodeNumber(set, SET_LENGTH)}${number}${rest}`;
}

/** A version 4 UUID (RFC 9562 section 5.4). */
export function randomUuid(random: Random): string {
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replaceAll(/[xy]/g, (place) => {
    const digit = Math.floor(random() * 16);
    return (place === "x" ? digit : 8 + (digit % 4)).toString(16);
  });
}

/** The id of the execution that stands for one due time of a job's schedule. */
export function scheduledExecutionId(jobId: string, dueMs: number): string {
  return `exe_${encodeTime(dueMs)}${jobKey(jobId)}${SCHEDULED_SUFFIX}`;
}

/** The id of an execution that somebody asked for at `nowMs` (run-now, replay). */
export function requestedExecutionId(jobId: string, nowMs: number, random: Random): string {
  return `exe_${encodeTime(nowMs)}${jobKey(jobId)}${randomText(SUFFIX_LENGTH, random)}`;
}

/**
 * The id of an execution that a `run_job` step starts, as it is fixed when the step begins: starting it twice starts one.
 * `origin` says which step of which execution; `taken` are the ids that the same execution gave out before.
 */
export function childExecutionId(jobId: string, nowMs: number, origin: string, taken: readonly string[]): string {
  for (let salt = 0; ; salt += 1) {
    const id = `exe_${encodeTime(nowMs)}${jobKey(jobId)}${hashText(`${origin}/${salt}`)}`;
    if (!taken.includes(id) && !id.endsWith(SCHEDULED_SUFFIX)) return id;
  }
}

/**
 * The id of the execution that an item of a batch starts. Ten bits of the suffix are the index, so that no two items of
 * one batch share an id, and twenty are of the batch; of items of one job and one due time, that is.
 */
export function batchExecutionId(jobId: string, dueMs: number, batchId: string, index: number): string {
  const place = ALPHABET.charAt((index >> 5) & 31) + ALPHABET.charAt(index & 31);
  return `exe_${encodeTime(dueMs)}${jobKey(jobId)}${unscheduled(place + hashText(batchId).slice(2))}`;
}

/** The replays of one bulk action are due within so many milliseconds before it, by their ids. */
const REPLAY_SPREAD_MS = 4_096;

/**
 * The id of the replay that a bulk action starts of an execution: the same one however often it is asked for. Twelve
 * more bits of hash go into the due time, since a bulk action may replay a hundred thousand executions of one job.
 */
export function bulkReplayId(originalId: string, bulkActionId: string, createdAtMs: number): string {
  const spreadMs = fnv1a(`${originalId}/${bulkActionId}`) % REPLAY_SPREAD_MS;
  const suffix = hashText(`${bulkActionId}/${originalId}`);
  return `exe_${encodeTime(createdAtMs - spreadMs)}${jobKey(originalId)}${unscheduled(suffix)}`;
}

/** Kept apart from the suffix of a schedule's fire. */
function unscheduled(suffix: string): string {
  return suffix === SCHEDULED_SUFFIX ? `${SCHEDULED_SUFFIX.slice(1)}1` : suffix;
}

/** 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** 30 bits of FNV-1a as a suffix. */
function hashText(text: string): string {
  const hash = fnv1a(text);
  let rest = hash ^ (hash >>> 30);
  let suffix = "";
  for (let index = 0; index < SUFFIX_LENGTH; index += 1) {
    suffix += ALPHABET.charAt(rest & 31);
    rest >>>= 5;
  }
  return suffix;
}

/** 130 random bits as text. */
export function newKey(random: Random): string {
  return randomText(26, random);
}

/** What tells a job from all others: the key within its id. `id` is the id of the job or of any of its executions. */
export function jobKey(id: string): string {
  return id.slice(4 + TIME_LENGTH, 4 + TIME_LENGTH + KEY_LENGTH);
}

/** The name of the Durable Object that hosts the job with this key: the key, or that part of it which others share. */
export function objectOf(key: string): string {
  return isShared(key) ? key.slice(0, SHARED_NAME_LENGTH) : key;
}

/** Whether the job with this key lives in an object with others. */
export function isShared(key: string): boolean {
  return key.startsWith(SHARED_MARK);
}

/** A number in [0, 1) that belongs to an id, spread evenly over jobs: keeps what is due for many at once from being so. */
export function spreadOf(id: string): number {
  let value = 0;
  for (const letter of jobKey(id).slice(-4)) value = value * 32 + Math.max(0, ALPHABET.indexOf(letter));
  return value / 32 ** 4;
}

/** The time within an id, epoch milliseconds: of creation, or of an execution the due time that it was given then. */
export function timeOf(id: string): number {
  let timeMs = 0;
  for (const letter of id.slice(4, 4 + TIME_LENGTH)) timeMs = timeMs * 32 + ALPHABET.indexOf(letter);
  return timeMs;
}

/** Smallest and largest execution id of a due time: a time range of executions is a range of ids. */
export function executionIdFloor(dueMs: number): string {
  return idFloor("exe", dueMs);
}

/** The same for every other kind of id, by the time that it begins with. */
export function idFloor(prefix: string, timeMs: number): string {
  return `${prefix}_${encodeTime(Math.max(0, timeMs))}`;
}

export function isJobId(text: string): boolean {
  return JOB_ID.test(text);
}

export function isExecutionId(text: string): boolean {
  return EXECUTION_ID.test(text);
}
