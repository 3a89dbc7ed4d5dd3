/**
 * The interface between a Functions host and the library `@azure/functions`, as far as the local host uses it. The
 * worker in Azure has the same interface, so the library runs unmodified.
 */
import { z } from 'zod';

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

/** A value on its way into a function. Exactly one property is set. */
export type InputData =
  | { readonly string: string }
  | { readonly json: string }
  | { readonly int: number }
  | { readonly http: HttpInput };

export interface NullableString {
  readonly value?: string;
}

/** An HTTP request as a function's library reads it. */
export interface HttpInput {
  readonly method: string;
  readonly url: string;
  readonly nullableHeaders: Readonly<Record<string, NullableString>>;
  readonly nullableQuery: Readonly<Record<string, NullableString>>;
  readonly nullableParams: Readonly<Record<string, NullableString>>;
  readonly body?: { readonly bytes: Uint8Array };
}

export interface TraceContext {
  readonly traceParent: string;
  readonly traceState: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** One call of a function, in the form in which the host passes it on. */
export interface InvocationRequest {
  readonly invocationId: string;
  readonly inputData: readonly { readonly name: string; readonly data: InputData }[];
  readonly triggerMetadata: Readonly<Record<string, InputData>>;
  readonly traceContext: TraceContext;
}

export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly metadata: FunctionMetadata;
  readonly request: InvocationRequest;
  /** Which part of the call is running. The library reads it to recognise late log calls. */
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks' | undefined;
  log(level: LogLevel, category: string, message: string): void;
}

export type FunctionCallback = (...args: readonly unknown[]) => unknown;

export interface InvocationModel {
  getArguments(): Promise<{ readonly context: unknown; readonly inputs: readonly unknown[] }>;
  invokeFunction(context: unknown, inputs: readonly unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<unknown>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel | Promise<InvocationModel>;
  getCapabilities?(capabilities: Record<string, string>): unknown;
}

/** What the library registers for one function: its bindings by name, the trigger among them. */
export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, unknown>>;
  readonly retryOptions?: unknown;
}

const cookieSchema = z.object({
  name: z.string(),
  value: z.string(),
  domain: z.object({ value: z.string() }).nullish(),
  path: z.object({ value: z.string() }).nullish(),
  expires: z.object({ value: z.object({ seconds: z.number() }) }).nullish(),
  secure: z.object({ value: z.boolean() }).nullish(),
  httpOnly: z.object({ value: z.boolean() }).nullish(),
  sameSite: z.enum(['none', 'lax', 'strict', 'explicitNone']),
  maxAge: z.object({ value: z.number() }).nullish(),
});

const plainDataSchema = z.object({
  string: z.string().optional(),
  json: z.string().optional(),
  bytes: z.instanceof(Uint8Array).optional(),
});

const httpOutputSchema = z.object({
  statusCode: z.string(),
  headers: z.record(z.string(), z.string()),
  cookies: z.array(cookieSchema),
  body: plainDataSchema.nullish(),
});

const outputDataSchema = plainDataSchema.extend({ http: httpOutputSchema.optional() });

/** What the library answers after a call. Named outputs are not supported. */
export const invocationResponseSchema = z.object({
  returnValue: outputDataSchema.nullish(),
});

export type InvocationResponse = z.infer<typeof invocationResponseSchema>;
export type OutputData = z.infer<typeof outputDataSchema>;
export type HttpOutput = z.infer<typeof httpOutputSchema>;
export type OutputCookie = z.infer<typeof cookieSchema>;
