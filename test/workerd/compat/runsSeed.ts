/** Every example of the Runs API's documentation as data: what is asked, and what the answer must look like. */

/** `…` stands where the documentation leaves something out. */
export const LIST_RUNS = {
  success: true,
  data: [
    {
      id: "run_550e8400-e29b-41d4-a716-446655440000",
      workflowId: "wf_xxx",
      status: "completed",
      triggerType: "webhook",
      startedAt: "2024-01-15T10:30:00.000Z",
      completedAt: "2024-01-15T10:30:05.000Z",
      durationMs: 5000,
      error: null,
      createdAt: "2024-01-15T10:30:00.000Z",
    },
    {
      id: "run_660e8400-e29b-41d4-a716-446655440001",
      workflowId: "wf_xxx",
      status: "failed",
      triggerType: "api",
      startedAt: "2024-01-15T10:25:00.000Z",
      completedAt: "2024-01-15T10:25:02.000Z",
      durationMs: 2000,
      error: { code: "STEP_ERROR", message: "Connection timeout" },
      createdAt: "2024-01-15T10:25:00.000Z",
    },
  ],
  meta: { cursor: "eyJ0cyI6MTcwNTMxMjAwMDAwMCwiaWQiOiJydW5fNjYwZTg0MDAuLi4ifQ==", hasMore: true },
} as const;

export const GET_RUN = {
  success: true,
  data: {
    id: "run_550e8400-e29b-41d4-a716-446655440000",
    workflowId: "wf_xxx",
    status: "completed",
    triggerType: "webhook",
    input: {
      type: "invoice.paid",
      data: { object: { id: "in_xxx", amount_paid: 9900, customer_email: "customer@example.com" } },
    },
    output: { slackMessageId: "1234567890.123456", hubspotContactId: "12345" },
    stepResults: [
      {
        stepId: "notify-team",
        status: "success",
        startedAt: "2024-01-15T10:30:01.000Z",
        completedAt: "2024-01-15T10:30:02.000Z",
        durationMs: 1000,
        input: { channel: "#finance", text: "…" },
        output: { ts: "1234567890.123456" },
        attempt: 1,
      },
      {
        stepId: "create-contact",
        status: "success",
        startedAt: "2024-01-15T10:30:02.000Z",
        completedAt: "2024-01-15T10:30:04.000Z",
        durationMs: 2000,
        input: { email: "customer@example.com" },
        output: { id: "12345" },
        attempt: 1,
      },
    ],
    startedAt: "2024-01-15T10:30:00.000Z",
    completedAt: "2024-01-15T10:30:05.000Z",
    durationMs: 5000,
    error: null,
    createdAt: "2024-01-15T10:30:00.000Z",
  },
} as const;

export const GET_LOGS = {
  success: true,
  data: {
    runId: "run_550e8400-e29b-41d4-a716-446655440000",
    workflowId: "wf_xxx",
    status: "completed",
    logs: [
      {
        stepId: "notify-team",
        status: "success",
        startedAt: "2024-01-15T10:30:01.000Z",
        completedAt: "2024-01-15T10:30:02.000Z",
        durationMs: 1000,
        input: { channel: "#finance", text: "Invoice in_xxx paid!" },
        output: { ts: "1234567890.123456", channel: "C1234567890" },
        error: null,
        attempt: 1,
      },
      {
        stepId: "create-contact",
        status: "success",
        startedAt: "2024-01-15T10:30:02.000Z",
        completedAt: "2024-01-15T10:30:04.000Z",
        durationMs: 2000,
        input: { email: "customer@example.com", properties: { firstname: "John" } },
        output: { id: "12345", properties: {} },
        error: null,
        attempt: 1,
      },
    ],
    startedAt: "2024-01-15T10:30:00.000Z",
    completedAt: "2024-01-15T10:30:05.000Z",
    durationMs: 5000,
    error: null,
  },
} as const;

export const FAILED_STEP = {
  stepId: "sync-to-crm",
  status: "error",
  startedAt: "2024-01-15T10:30:02.000Z",
  completedAt: "2024-01-15T10:30:05.000Z",
  durationMs: 3000,
  input: { recordId: "123" },
  output: null,
  error: { code: "STEP_ERROR", message: "API rate limit exceeded" },
  attempt: 3,
} as const;

export const CANCELLED = {
  success: true,
  data: {
    id: "run_550e8400-e29b-41d4-a716-446655440000",
    status: "cancelled",
    message: "Run cancellation requested",
  },
} as const;

/** Answered with 202. */
export const RETRIED = {
  success: true,
  data: {
    originalRunId: "run_550e8400-e29b-41d4-a716-446655440000",
    newRunId: "run_770e8400-e29b-41d4-a716-446655440002",
    workflowId: "wf_xxx",
    restartFromStepId: "sync-to-crm",
    status: "pending",
    createdAt: "2024-01-15T10:35:00.000Z",
  },
} as const;

/** The bodies that restart with. */
export const RESTART_BODIES = [
  { fromStepId: "sync-to-crm", overrideInput: { retryCount: 1 } },
  { fromStepId: "sync-to-crm", overrideInput: { apiEndpoint: "https://api.salesforce.com/v2" } },
] as const;

/** Answered with 202. */
export const RESTARTED = {
  success: true,
  data: {
    originalRunId: "run_550e8400-e29b-41d4-a716-446655440000",
    newRunId: "run_880e8400-e29b-41d4-a716-446655440003",
    workflowId: "wf_xxx",
    restartFromStepId: "sync-to-crm",
    status: "pending",
    createdAt: "2024-01-15T10:40:00.000Z",
  },
} as const;

/** Refusals, each with its status and to the letter. */
export const REFUSED = {
  cancel: {
    status: 400,
    body: { success: false, error: { code: "INVALID_STATE", message: "Can only cancel running or pending runs" } },
  },
  retry: {
    status: 400,
    body: { success: false, error: { code: "INVALID_STATE", message: "Can only retry failed runs" } },
  },
  step: {
    status: 400,
    body: { success: false, error: { code: "INVALID_STEP", message: "Step not found: invalid-step-id" } },
  },
  missing: { status: 404, body: { success: false, error: { code: "NOT_FOUND", message: "Run not found" } } },
} as const;

/** Which state allows what. `suspended`, which the tables leave out, is a run that has not ended. */
export const ALLOWED = {
  cancel: {
    pending: true,
    running: true,
    suspended: true,
    completed: false,
    failed: false,
    timeout: false,
    cancelled: false,
  },
  retry: {
    pending: false,
    running: false,
    suspended: false,
    completed: false,
    failed: true,
    timeout: true,
    cancelled: false,
  },
  restart: {
    pending: false,
    running: false,
    suspended: false,
    completed: true,
    failed: true,
    timeout: true,
    cancelled: false,
  },
} as const;
