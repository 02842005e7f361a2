import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, onPath } from './programs.ts'

export interface Client {
  readonly id: string
  readonly name: string
  readonly language: string
  /** Programs that have to be on the PATH. */
  readonly needs: readonly string[]
  /** Packages come from a registry: only with AUTOMATION_KV_TEST_CLIENTS=all. */
  readonly downloads: boolean
  /**
   * Installs and compiles into the folder, and answers how to run the program; undefined when it is not here.
   */
  readonly setup: (folder: string) => Promise<readonly string[] | undefined>
}

const REDIS_PY = '8.1.0'
const BULLMQ = '6.7.0'

/** With downloads. */
export const ALL = process.env.AUTOMATION_KV_TEST_CLIENTS === 'all'

const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url))
const program = (name: string): string => join(PROGRAMS, name)

const copy = (folder: string, from: string): void => {
  for (const file of readdirSync(program(from))) copyFileSync(join(program(from), file), join(folder, file))
}

/** Does `step` once for this version: what it made is kept for the next run. */
const once = async (folder: string, version: string, step: () => Promise<unknown>): Promise<void> => {
  const done = join(folder, `.installed-${version}`)
  if (existsSync(done)) return
  await step()
  writeFileSync(done, '')
}

const DEBIAN_PYTHON = '/usr/bin/python3'

/** Packages of Debian, unpacked beside the project instead of installed. */
const unpacked = async (folder: string, packages: readonly string[]): Promise<string> => {
  const root = join(folder, 'root')
  await once(folder, 'debian', async () => {
    mkdirSync(root, { recursive: true })
    chmodSync(folder, 0o755)
    await command(['apt-get', 'download', ...packages], { cwd: folder })
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb')))
      await command(['dpkg', '-x', file, root], { cwd: folder })
  })
  return root
}

const java = (id: string, main: string): Pick<Client, 'language' | 'needs' | 'downloads' | 'setup'> => ({
  language: 'Java',
  needs: ['mvn', 'java'],
  downloads: true,
  setup: async (folder) => {
    copy(folder, id)
    await once(folder, 'maven', () =>
      command(['mvn', '-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], { cwd: folder }),
    )
    return ['java', '-cp', join(folder, 'lib', '*'), join(folder, main)]
  },
})

const imports = (python: string): Promise<boolean> =>
  command([python, '-c', 'import redis']).then(
    () => true,
    () => false,
  )

/**
 * In the order of the report. Go, Maven and Cargo pin what they fetch in their own files beside the programs.
 * StackExchange.Redis would need .NET.
 */
export const CLIENTS: readonly Client[] = [
  {
    id: 'redis-cli',
    name: 'redis-cli',
    language: 'C',
    needs: ['redis-cli', 'redis-benchmark'],
    downloads: false,
    setup: async () => [process.execPath, program('redis-cli.mjs')],
  },
  {
    id: 'ioredis',
    name: 'ioredis',
    language: 'Node.js',
    needs: [],
    downloads: false,
    setup: async () => [process.execPath, program('ioredis.mjs')],
  },
  {
    id: 'node-redis-2',
    name: 'node-redis, RESP2',
    language: 'Node.js',
    needs: [],
    downloads: false,
    setup: async () => [process.execPath, program('node-redis.mjs'), '2'],
  },
  {
    id: 'node-redis-3',
    name: 'node-redis, RESP3',
    language: 'Node.js',
    needs: [],
    downloads: false,
    setup: async () => [process.execPath, program('node-redis.mjs'), '3'],
  },
  {
    id: 'python3-redis',
    name: 'redis-py of Debian',
    language: 'Python',
    needs: ['python3'],
    downloads: false,
    setup: async (folder) => {
      if (await imports(DEBIAN_PYTHON)) return [DEBIAN_PYTHON, program('redis_py.py')]
      if (!ALL || !onPath('apt-get')) return undefined
      const root = await unpacked(folder, [
        'python3-redis',
        'python3-async-timeout',
        'python3-deprecated',
        'python3-packaging',
        'python3-wrapt',
      ])
      return [
        'env',
        `PYTHONPATH=${join(root, 'usr/lib/python3/dist-packages')}`,
        DEBIAN_PYTHON,
        program('redis_py.py'),
      ]
    },
  },
  {
    id: 'redis-py',
    name: 'redis-py',
    language: 'Python',
    needs: ['python3'],
    downloads: true,
    setup: async (folder) => {
      const python = join(folder, 'venv/bin/python')
      await once(folder, REDIS_PY, async () => {
        await command(['python3', '-m', 'venv', join(folder, 'venv')])
        await command([
          python,
          '-m',
          'pip',
          'install',
          '-q',
          '--disable-pip-version-check',
          `redis==${REDIS_PY}`,
        ])
      })
      return [python, program('redis_py.py')]
    },
  },
  {
    id: 'go-redis',
    name: 'go-redis',
    language: 'Go',
    needs: ['go'],
    downloads: true,
    setup: async (folder) => {
      copy(folder, 'go')
      await command(['go', 'build', '-o', 'probe', '.'], { cwd: folder, env: { GOFLAGS: '-mod=readonly' } })
      return [join(folder, 'probe')]
    },
  },
  { id: 'jedis', name: 'Jedis', ...java('jedis', 'JedisProbe.java') },
  { id: 'lettuce', name: 'Lettuce', ...java('lettuce', 'LettuceProbe.java') },
  {
    id: 'redis-rs',
    name: 'redis-rs',
    language: 'Rust',
    needs: ['cargo'],
    downloads: true,
    setup: async (folder) => {
      mkdirSync(join(folder, 'src'), { recursive: true })
      for (const file of ['Cargo.toml', 'src/main.rs'])
        copyFileSync(join(program('rust'), file), join(folder, file))
      await command(['cargo', 'build', '--quiet'], { cwd: folder })
      return [join(folder, 'target/debug/probe')]
    },
  },
  {
    id: 'hiredis',
    name: 'hiredis of Debian',
    language: 'C',
    needs: ['gcc', 'apt-get', 'dpkg'],
    downloads: true,
    setup: async (folder) => {
      const root = await unpacked(folder, ['libhiredis-dev', 'libhiredis0.14'])
      const libraries = join(root, 'usr/lib', (await command(['gcc', '-print-multiarch'])).trim())
      const binary = join(folder, 'probe')
      const flags = [
        '-O1',
        '-Wall',
        `-I${join(root, 'usr/include')}`,
        `-L${libraries}`,
        `-Wl,-rpath,${libraries}`,
      ]
      await command(['gcc', ...flags, '-o', binary, program('hiredis.c'), '-lhiredis'])
      return [binary]
    },
  },
  {
    id: 'phpredis',
    name: 'phpredis of Debian',
    language: 'PHP',
    needs: ['apt-get', 'dpkg'],
    downloads: true,
    setup: async (folder) => {
      const root = await unpacked(folder, ['php8.2-cli', 'php8.2-common', 'php8.2-igbinary', 'php8.2-redis'])
      const extensions = readdirSync(join(root, 'usr/lib/php')).find((name) => /^\d+$/.test(name))!
      const load = ['igbinary', 'redis'].flatMap((name) => [
        '-d',
        `extension=${join(root, 'usr/lib/php', extensions, `${name}.so`)}`,
      ])
      return [join(root, 'usr/bin/php8.2'), '-n', ...load, program('phpredis.php')]
    },
  },
  {
    id: 'bullmq',
    name: 'BullMQ',
    language: 'Node.js',
    needs: ['npm'],
    downloads: true,
    setup: async (folder) => {
      for (const file of ['bullmq.mjs', 'probe.mjs']) copyFileSync(program(file), join(folder, file))
      writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
      await once(folder, BULLMQ, () =>
        command(
          [
            'npm',
            'install',
            '--no-audit',
            '--no-fund',
            '--legacy-peer-deps',
            '--ignore-scripts',
            `bullmq@${BULLMQ}`,
          ],
          { cwd: folder },
        ),
      )
      return [process.execPath, join(folder, 'bullmq.mjs')]
    },
  },
]

/** Why a client cannot be tried here; undefined when it can. */
export const missing = ({ needs, downloads }: Client): string | undefined => {
  const absent = needs.filter((name) => !onPath(name))
  if (absent.length > 0) return `needs ${absent.join(', ')}`
  return downloads && !ALL ? 'needs a download: npm run test:clients' : undefined
}
