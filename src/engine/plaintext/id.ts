export { idOf } from '../../lib/id.ts'
