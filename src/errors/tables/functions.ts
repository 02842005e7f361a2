import { refusal } from './rows.ts'

/** Of FUNCTION and FCALL. */
const COMMANDS = {
  function_not_found: refusal('ERR Function not found', 404, 'key_not_found'),
  function_numkeys: refusal('ERR Bad number of keys provided'),
  library_not_found: refusal('ERR Library not found', 404, 'key_not_found'),
  library_option: refusal('ERR Unknown option given: {option}'),
  library_no_metadata: refusal('ERR Missing library metadata'),
  library_metadata: refusal('ERR Invalid library metadata'),
  library_metadata_value: refusal('ERR Invalid metadata value given: {value}'),
  library_name_twice: refusal('ERR Invalid metadata value, name argument was given multiple times'),
  library_no_name: refusal('ERR Library name was not given'),
  library_engine: refusal("ERR Engine '{engine}' not found"),
  library_exists: refusal("ERR Library '{library}' already exists"),
  function_exists: refusal('ERR Function {name} already exists'),
  library_empty: refusal('ERR No functions registered'),
  library_compile: refusal('ERR Error compiling function: {message}'),
  library_register: refusal('ERR Error registering functions: {message}'),
  /** Within that. */
  library_timeout: refusal('ERR FUNCTION LOAD timeout'),
  function_list_argument: refusal('ERR Unknown argument {argument}'),
  function_list_pattern: refusal('ERR library name argument was not given'),
  function_flush_mode: refusal('ERR FUNCTION FLUSH only supports SYNC|ASYNC option'),
  restore_policy: refusal('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.'),
  /** Of FUNCTION RESTORE, which quotes no name. */
  restored_library_exists: refusal('ERR Library {library} already exists'),
  script_not_running: refusal('NOTBUSY No scripts in execution right now.'),
  script_runs: refusal(
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    503,
    'unavailable',
  ),
  function_runs: refusal(
    'BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.',
    503,
    'unavailable',
  ),
  /** Redis says SCRIPT KILL of functions too; `where` begins with `script: `. */
  script_killed_by_user: refusal('ERR Script killed by user with SCRIPT KILL... {where}'),
} as const

/** What the code of a library is told while it registers its functions. */
const REGISTERING = {
  /** Also that of a function. */
  library_name: refusal(
    'ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long',
  ),
  register_elsewhere: refusal('ERR redis.register_function can only be called on FUNCTION LOAD command'),
  register_count: refusal('ERR wrong number of arguments to redis.register_function'),
  register_single: refusal(
    'ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).',
  ),
  register_first: refusal('ERR first argument to redis.register_function must be a string'),
  register_second: refusal('ERR second argument to redis.register_function must be a function'),
  register_key: refusal('ERR named argument key given to redis.register_function is not a string'),
  register_name: refusal('ERR function_name argument given to redis.register_function must be a string'),
  register_description: refusal('ERR description argument given to redis.register_function must be a string'),
  register_callback: refusal('ERR callback argument given to redis.register_function must be a function'),
  register_flags: refusal(
    'ERR flags argument to redis.register_function must be a table representing function flags',
  ),
  register_flag: refusal('ERR unknown flag given'),
  register_argument: refusal('ERR unknown argument given to redis.register_function'),
  register_no_name: refusal('ERR redis.register_function must get a function name argument'),
  register_no_callback: refusal('ERR redis.register_function must get a callback argument'),
  register_twice: refusal('ERR Function already exists in the library'),
} as const

export const FUNCTIONS = { ...COMMANDS, ...REGISTERING } as const
