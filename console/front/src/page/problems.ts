// Everything that is wrong now, the platform's own troubles first.
import { nodes, platform, pods, workloads } from '../lib/live'
import { platformProblems, podProblems, type Problem, rowProblems } from '../lib/wrong'

export function problems(): Problem[] {
  return [
    ...platformProblems(platform.value?.now),
    ...rowProblems(nodes.value, 'nodes', (r) => `Node ${r.key}`),
    ...rowProblems(workloads.value, 'workloads', (r) => r.key.replace('/', ' ')),
    ...podProblems(pods.value),
  ]
}
