/** The types of the servers inside the package azurite, which ships no types. Declares only what azuriteServer.ts uses. */
declare module 'azurite/dist/src/blob/BlobServer.js' {
  class BlobServer {
    constructor(configuration: unknown);
    readonly gcManager: { close(): Promise<void> };
    start(): Promise<void>;
    close(): Promise<void>;
    getHttpServerAddress(): string;
  }
  const exported: { readonly default: typeof BlobServer };
  export = exported;
}

declare module 'azurite/dist/src/queue/QueueServer.js' {
  class QueueServer {
    constructor(configuration: unknown);
    readonly gcManager: { close(): Promise<void> };
    start(): Promise<void>;
    close(): Promise<void>;
    getHttpServerAddress(): string;
  }
  const exported: { readonly default: typeof QueueServer };
  export = exported;
}

declare module 'azurite/dist/src/table/TableServer.js' {
  class TableServer {
    constructor(configuration: unknown);
    start(): Promise<void>;
    close(): Promise<void>;
    getHttpServerAddress(): string;
  }
  const exported: { readonly default: typeof TableServer };
  export = exported;
}

declare module 'azurite/dist/src/blob/BlobConfiguration.js' {
  const exported: { readonly default: new (...values: readonly unknown[]) => object };
  export = exported;
}

declare module 'azurite/dist/src/queue/QueueConfiguration.js' {
  const exported: { readonly default: new (...values: readonly unknown[]) => object };
  export = exported;
}

declare module 'azurite/dist/src/table/TableConfiguration.js' {
  const exported: { readonly default: new (...values: readonly unknown[]) => object };
  export = exported;
}
