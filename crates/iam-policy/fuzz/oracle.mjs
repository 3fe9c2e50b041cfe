// Answers cases (JSON lines on stdin) with @cloud-copilot/iam-simulate, a separate program under
// AGPL-3.0 that is run here and never linked. Run it in a folder where it is installed.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { dirname, join } from 'node:path'

const require = createRequire(join(process.cwd(), 'package.json'))
const load = async (path) => import(pathToFileURL(path).href)
const simulate = join(process.cwd(), 'node_modules/@cloud-copilot/iam-simulate')
const esm = join(simulate, 'dist/esm')
const { loadPolicy } = await load(
  join(process.cwd(), 'node_modules/@cloud-copilot/iam-policy', entry('@cloud-copilot/iam-policy')))
const { anonymousPrincipal } = await load(join(simulate, entry('@cloud-copilot/iam-simulate')))
const { authorize } = await load(join(esm, 'core_engine/CoreSimulatorEngine.js'))
const { AwsRequestImpl } = await load(join(esm, 'request/request.js'))
const { RequestContextImpl } = await load(join(esm, 'requestContext.js'))
const { DiscoveryContextKeyConstraints } = await load(
  join(esm, 'context_keys/discoveryContextKeyConstraints.js'))

function entry(name) {
  const manifest = require(join(process.cwd(), 'node_modules', name, 'package.json'))
  const main = manifest.exports?.['.']?.import ?? manifest.exports?.import ?? manifest.module
  return typeof main === 'string' ? main : (main?.default ?? manifest.main)
}

const NAMES = { Allowed: 'Allow', ImplicitlyDenied: 'ImplicitDeny', ExplicitlyDenied: 'ExplicitDeny' }

function principal(text) {
  if (text === 'anonymous') return anonymousPrincipal
  return text.replace(/^(service|federated):/, '')
}

function decide(c) {
  const doc = (policy, name) => (policy ? loadPolicy(policy, { name }) : undefined)
  const boundary = doc(c.boundary, 'boundary')
  const { result } = authorize({
    request: new AwsRequestImpl(
      principal(c.principal), { resource: c.resource, accountId: c.resource_account }, c.action,
      new RequestContextImpl({ ...c.context })),
    identityPolicies: c.identity.map((policy, i) => doc(policy, `identity${i}`)),
    resourcePolicy: doc(c.resource_policy, 'resource'),
    permissionBoundaries: boundary ? [boundary] : undefined,
    sessionPolicy: doc(c.session, 'session'),
    serviceControlPolicies: c.scps.map((level, i) => ({
      orgIdentifier: `level${i}`, policies: level.map((policy, j) => doc(policy, `scp${i}-${j}`)),
    })),
    resourceControlPolicies: [],
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: 'Strict',
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
    },
    serviceSettings: { s3: {} },
  })
  return NAMES[result] ?? String(result)
}

for await (const line of createInterface({ input: process.stdin })) {
  const c = JSON.parse(line)
  let answer
  try {
    answer = decide(c)
  } catch (error) {
    answer = `error: ${error.message}`
  }
  process.stdout.write(JSON.stringify({ id: c.id, answer }) + '\n')
}
