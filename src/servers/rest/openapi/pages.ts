import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** A page or file of the documentation, made once and sent to everybody. */
export interface Page {
  readonly body: Buffer
  readonly etag: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string | string[] | number]>
}

/** What says what the body is, and how a browser may use it. */
const KEPT_HEADERS = ['content-type', 'content-security-policy']

/** An address of a page in its one spelling, so that each page is kept once. */
const PLAIN_PATH = /^(?:\/[\w-][\w.-]*)+\/?$/
/** More files than the documentation has. */
const MAX_PAGES = 64

type Found = Page | { readonly location: string } | undefined

/** The pages that `documentation` answers with, by their path. */
export class Pages {
  private readonly documentation: FastifyInstance
  private readonly pages = new Map<string, Page>()
  /** Those being made: who asks meanwhile waits for the same. */
  private readonly making = new Map<string, Promise<Found>>()

  constructor(documentation: FastifyInstance) {
    this.documentation = documentation
  }

  /** The page, or where it has gone to, or undefined when there is none. */
  async find(url: string): Promise<Found> {
    const path = url.split('?', 1)[0]!
    const known = this.pages.get(path) ?? this.making.get(path)
    if (known !== undefined) return known
    if (!PLAIN_PATH.test(path)) return undefined
    const making = this.make(path).finally(() => this.making.delete(path))
    this.making.set(path, making)
    return making
  }

  private async make(path: string): Promise<Found> {
    const { statusCode, headers, rawPayload } = await this.documentation.inject({ method: 'GET', url: path })
    if (statusCode >= 300 && statusCode < 400) return { location: String(headers.location) }
    if (statusCode !== 200) return undefined
    const page: Page = {
      body: rawPayload,
      etag: `"${createHash('sha256').update(rawPayload).digest('base64url')}"`,
      headers: KEPT_HEADERS.flatMap((name) => {
        const value = headers[name]
        return value === undefined ? [] : [[name, value] as const]
      }),
    }
    if (this.pages.size < MAX_PAGES) this.pages.set(path, page)
    return page
  }
}
