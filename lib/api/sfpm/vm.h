/* SPDX-License-Identifier: MIT */
/**
 * @file vm.h
 * The bytecode machine: loading, verifying, running, looking into and saving it.
 *
 * A machine's whole state is in its regions: `code`, `functions`, `globals`, `table`,
 * `memory`, `state`, `stack` and `symbols` (sfpm-bytecode(5) gives their layouts), or the
 * one region `vm_state` of the original program, which holds all of it. Nothing
 * unverified runs: sfpm_vm_run() proves tables and state first, and each function before
 * it is entered.
 *
 * A machine is made by sfpm_vm_assemble(), sfpm_vm_load_code(), sfpm_vm_load() or
 * sfpm_vm_load_image(). Each replaces what the machine was; on failure the machine
 * stays what it was before.
 *
 * Places in the code are code offsets: byte positions in the `code` region (in
 * `program`, in the original layout).
 *
 * Threads: distinct machines are independent. Functions that take a `const`
 * machine may run concurrently on one machine; others need exclusion. Pointers
 * returned belong to the machine and live until its next non-const call.
 */
#ifndef SFPM_VM_H
#define SFPM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfpm/error.h>
#include <sfpm/image.h>
#include <sfpm/opcode.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A machine. */
typedef struct sfpm_vm sfpm_vm_t;

/** Where a machine stands. The numbers are recorded in images. */
typedef enum sfpm_vm_status {
    SFPM_VM_SUSPENDED = 0, /**< goes on when run; also before its first instruction */
    SFPM_VM_HALTED = 1,    /**< ended; only starting it again makes it run */
    SFPM_VM_TRAPPED = 2    /**< tries the trapping instruction again when run */
} sfpm_vm_status_t;

/** Stack in bytes that a machine may use by default: 8 MiB. */
#define SFPM_VM_DEFAULT_STACK ((uint64_t)1 << 23)
/** Stack in bytes beyond which no machine is run or loaded: 64 MiB. */
#define SFPM_VM_MAX_STACK ((uint64_t)1 << 26)
/** Memory in bytes to which a program may grow by default: 1 GiB. */
#define SFPM_VM_DEFAULT_MEMORY ((uint64_t)1 << 30)
/** Memory in bytes beyond which no machine is run: 4 GiB. */
#define SFPM_VM_MAX_MEMORY ((uint64_t)1 << 32)
/** Bytes of code that a machine may have at most: 256 MiB. */
#define SFPM_VM_MAX_CODE ((uint64_t)1 << 28)

/** @return a machine without a program, to be destroyed; NULL when out of memory. */
SFPM_API sfpm_vm_t *sfpm_vm_create(void);

/** Releases a machine. Accepts NULL. A machine that is running stays as it is, with
 * SFPM_ERR_ARGUMENT as the thread's last error: its native functions cannot destroy it.
 */
SFPM_API void sfpm_vm_destroy(sfpm_vm_t *vm);

/** Bounds the memory that programs may have, in images loaded from now on, at a fresh
 * start, and in runs that set no limit; 0: SFPM_VM_DEFAULT_MEMORY. Fails over
 * SFPM_VM_MAX_MEMORY. */
SFPM_API bool sfpm_vm_set_max_memory(sfpm_vm_t *vm, uint64_t bytes);

/** Whether machines loaded from now on will be committed to their images; then writes to
 * a large memory are noted from the start, as after a commit. At first they are not. */
SFPM_API bool sfpm_vm_expect_commits(sfpm_vm_t *vm, bool expected);

/* ---- Getting a program ---------------------------------------------------- */

/**
 * Receives one fault found in assembly text, in order of place.
 * @param file    the name given to sfpm_vm_assemble()
 * @param line    counts from 1
 * @param column  counts bytes from 1
 */
typedef void (*sfpm_vm_fault_callback_t)(void *context, const char *file, uint32_t line,
                                         uint32_t column, const char *text);

/**
 * Assembles and verifies a program, and makes a machine that has not started yet.
 * sfpm-bytecode(5) describes the language.
 * @param text      the source; any bytes
 * @param size      of the source in bytes
 * @param file      its name for messages; the part after the last `/` is recorded
 * @param callback  receives all faults up to the hundredth, or NULL
 * @return false with SFPM_ERR_SYNTAX (or SFPM_ERR_BYTECODE, when only the verifier
 *         objects) and the text of the first fault, `file:line:column: …`
 */
SFPM_API bool sfpm_vm_assemble(sfpm_vm_t *vm, const char *text, size_t size,
                               const char *file, sfpm_vm_fault_callback_t callback,
                               void *context);

/**
 * Makes a machine of bare bytes of code: one function, `main`, without parameters. Or of
 * a WebAssembly module, which begins with bytes that no program begins with; sfpm-wasm(7)
 * lists the supported features. The machine has not started yet.
 * @param code  not needed any more afterwards
 * @param size  of it in bytes
 * @return false with SFPM_ERR_BYTECODE when the verifier refuses the code, or when the
 *         module is invalid; of a module also SFPM_ERR_CORRUPT when it is malformed,
 *         SFPM_ERR_UNSUPPORTED when it needs what sfpm lacks, and SFPM_ERR_LIMIT; text
 *         such as `function 12 (blur) at 0x1f3 needs SIMD, which sfpm does not have`
 */
SFPM_API bool sfpm_vm_load_code(sfpm_vm_t *vm, const void *code, size_t size);

/**
 * Supplies the bytes of a region.
 * @param bytes  receives them, NULL when there is no such region; they must stay
 *               valid until the next call
 * @param size   receives their number
 * @return false, with the thread's error set, when they cannot be had
 */
typedef bool (*sfpm_vm_region_callback_t)(void *context, const char *name,
                                          const void **bytes, size_t *size);

/**
 * Makes a machine of the bytes of its regions. Only the tables' shape is checked
 * here, so that a machine which sfpm_vm_verify() would refuse can be looked into.
 * @return false with SFPM_ERR_MISMATCH when the regions are not those of a machine
 */
SFPM_API bool sfpm_vm_load(sfpm_vm_t *vm, sfpm_vm_region_callback_t callback,
                           void *context);

/** The same from the commit that an image shows. */
SFPM_API bool sfpm_vm_load_image(sfpm_vm_t *vm, const sfpm_image_t *image);

/** sfpm_vm_load_image() of a file's last commit, then sfpm_vm_verify(). */
SFPM_API bool sfpm_vm_restore(sfpm_vm_t *vm, const char *filename);

/** Whether an image holds the regions of a machine, or a region `vm_state`, sound or not. */
SFPM_API bool sfpm_vm_is_in(const sfpm_image_t *image);

/* ---- Running -------------------------------------------------------------- */

/**
 * Proves all of the program and, unless the machine is halted, its state, once.
 * @return false with SFPM_ERR_BYTECODE and what is wrong where, such as
 *         `code[7] (main+7): unknown opcode 0xFE`
 */
SFPM_API bool sfpm_vm_verify(sfpm_vm_t *vm);

/** Receives what the program writes. Returns false when it cannot be written, for the
 * reason in errno, if that was set. */
typedef bool (*sfpm_vm_output_callback_t)(void *context, const void *bytes, size_t size);

/** Engines that execute programs. All give the same results, to the bit. */
typedef enum sfpm_vm_engine {
    SFPM_VM_ENGINE_DEFAULT, /**< the fast one */
    SFPM_VM_ENGINE_SIMPLE,  /**< takes one instruction after the other */
    SFPM_VM_ENGINE_FAST     /**< translates each function when it is first called */
} sfpm_vm_engine_t;

/** How to run. Start with `= {.struct_size = sizeof(…)}`. */
typedef struct sfpm_vm_run_options {
    size_t struct_size;
    uint64_t max_steps; /**< stop after that many instructions; 0: no limit */
    uint64_t max_stack; /**< bytes of stack; 0: SFPM_VM_DEFAULT_STACK */
    sfpm_vm_output_callback_t output; /**< NULL: what is written is thrown away */
    void *output_context;
    uint64_t max_memory; /**< bytes to which memory may grow; 0: as the machine's own */
    sfpm_vm_engine_t engine;
    const char *const *until; /**< places to stop at, as of sfpm_vm_resolve() */
    size_t num_until;         /**< 0: none, which costs nothing */
} sfpm_vm_run_options_t;

/**
 * Runs until the machine halts, traps, has executed `max_steps` instructions or comes to
 * one of the places `until` (of `@FILE:LINE`: to any where the line begins), before the
 * instruction there; sfpm_vm_info() returns which. A place where a run continues counts
 * when it comes there again. A halted machine is left as it is. The machine can be
 * continued exactly where it stopped, in any process.
 * @param options  or NULL for the defaults
 * @return false with SFPM_ERR_SYNTAX when a place is none, and it did not run;
 *         SFPM_ERR_TRAP and text such as `code[7] (main+7): division by zero` when it
 *         trapped; SFPM_ERR_SYSTEM when output failed, SFPM_ERR_MEMORY when the stack
 *         could not grow, SFPM_ERR_BYTECODE when a function is refused: then its pc is
 *         the instruction that failed, as before the run if frames or tables are refused
 */
SFPM_API bool sfpm_vm_run(sfpm_vm_t *vm, const sfpm_vm_run_options_t *options);

/**
 * Stops a running machine soon, between two instructions, as if its steps were used up:
 * sfpm_vm_run() returns true and the machine is suspended. When it does not run, the
 * next run ends at once. May be called from any thread and from signal handlers, unlike
 * every other function; the machine must not be destroyed or given another program
 * meanwhile. Accepts NULL.
 */
SFPM_API void sfpm_vm_interrupt(sfpm_vm_t *vm);

/** Puts the machine before its first instruction, with an empty stack. Globals and
 * counters are kept. */
SFPM_API bool sfpm_vm_restart(sfpm_vm_t *vm);

/** Makes a machine usable again after longjmp(3) or a C++ exception left one of its
 * native functions or its output: sfpm_vm_run() never returned. It stands where
 * sfpm_vm_restart() puts it; globals and memory are as the program left them. Does
 * nothing unless the machine runs; must not be called by what then returns to the
 * machine. */
SFPM_API bool sfpm_vm_abandon(sfpm_vm_t *vm);

/** Like sfpm_vm_restart(), with globals, memory, table and data segments as the program
 * defines them, and counters at zero. Fails with SFPM_ERR_LIMIT if that memory exceeds
 * sfpm_vm_set_max_memory(), and changes nothing then. */
SFPM_API bool sfpm_vm_fresh(sfpm_vm_t *vm);

/* ---- Native functions and calls from outside --------------------------------- */

/** The null reference, of any type. */
#define SFPM_NULL_REFERENCE UINT64_MAX

/** A value of one of the machine's types. */
typedef struct sfpm_value {
    sfpm_type_t type; /**< tells which member counts */
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        uint64_t reference; /**< of funcref: the number of a function; of externref: what
                                 the host chose; or SFPM_NULL_REFERENCE */
    };
} sfpm_value_t;

/** The result of a call of a native function. */
typedef enum sfpm_native_result {
    SFPM_NATIVE_DONE,  /**< the results are there */
    SFPM_NATIVE_RETRY, /**< nothing was done; the machine is suspended before the call,
                            and repeats it when it continues */
    SFPM_NATIVE_HALT,  /**< the machine is halted */
    SFPM_NATIVE_TRAP,  /**< nothing was done; the machine traps: native function failed */
    SFPM_NATIVE_BOUNDS, /**< the same: out of bounds memory access */
    SFPM_NATIVE_ERROR   /**< nothing was done, for the reason in errno: sfpm_vm_run()
                             fails and the machine is suspended before the call */
} sfpm_native_result_t;

/**
 * A function of the host that a program can call. It may use sfpm_vm_memory() and the
 * functions for globals on the machine, and sfpm_vm_interrupt(), but no others: those
 * that would change, save or destroy the machine fail with SFPM_ERR_ARGUMENT. It runs in
 * the caller's floating-point environment. A call must be made completely or not at all:
 * then a machine saved before or after it continues as if nothing had happened.
 * @param context  as registered
 * @param params   as many as the signature says
 * @param results  likewise, zero of the right type, or null
 */
typedef sfpm_native_result_t (*sfpm_native_t)(void *context, sfpm_vm_t *vm,
                                              const sfpm_value_t *params,
                                              sfpm_value_t *results);

/**
 * Offers a native function to programs that import it; sfpm_vm_run() refuses a program
 * as long as one is missing. It stays when the machine gets another program. One without
 * parameters and with one result also supplies the first value of a global that a
 * WebAssembly module imports under its name: then it is called while the module is loaded,
 * and the machine still has its old program.
 * @param module,field  its name in two parts; both are copied, an older entry of that
 *                      name is replaced
 * @param signature     types of parameters and results: "i32 i64 -> f64", "-> i32", ""
 */
SFPM_API bool sfpm_vm_import(sfpm_vm_t *vm, const char *module, const char *field,
                             const char *signature, sfpm_native_t native, void *context);

/** @return `size` bytes of the program's memory from `address` on, to be read and written
 *         until the machine runs on; NULL with SFPM_ERR_ARGUMENT when they are not in it
 */
SFPM_API void *sfpm_vm_memory(sfpm_vm_t *vm, uint64_t address, uint64_t size);

/** Reads a global by the name that it is exported under, or else by its own. */
SFPM_API bool sfpm_vm_get_global(const sfpm_vm_t *vm, const char *name,
                                 sfpm_value_t *value);

/** Changes one, which must be mutable and of the value's type. */
SFPM_API bool sfpm_vm_set_global(sfpm_vm_t *vm, const char *name,
                                 const sfpm_value_t *value);

/**
 * Puts the machine before the first instruction of an exported function, with an empty
 * stack. Globals, memory and counters are kept. What sfpm_vm_run() then does can be
 * stopped, saved and continued like any other run; sfpm_vm_restart() goes back to the
 * start function.
 * @param params  of the types that the function declares
 * @return false with SFPM_ERR_ARGUMENT when there is no such export or the parameters
 *         do not fit
 */
SFPM_API bool sfpm_vm_enter(sfpm_vm_t *vm, const char *name, const sfpm_value_t *params,
                            size_t num_params);

/** Reads what the outermost function returned, as many results as it declares. Fails
 * with SFPM_ERR_ARGUMENT unless the machine was halted by its return. */
SFPM_API bool sfpm_vm_results(const sfpm_vm_t *vm, sfpm_value_t *results,
                              size_t num_results);

/** sfpm_vm_enter(), sfpm_vm_run() and sfpm_vm_results() in one. Fails with
 * SFPM_ERR_LIMIT when the run was stopped before the function returned: sfpm_vm_run()
 * goes on, sfpm_vm_results() then has the results. */
SFPM_API bool sfpm_vm_call(sfpm_vm_t *vm, const char *name, const sfpm_value_t *params,
                           size_t num_params, sfpm_value_t *results, size_t num_results,
                           const sfpm_vm_run_options_t *options);

/** Changes bytes of the code; program and state must be in order then, and the machine
 * goes on in the new code. Else fails with SFPM_ERR_BYTECODE and changes nothing. */
SFPM_API bool sfpm_vm_patch(sfpm_vm_t *vm, uint64_t offset, const void *bytes,
                            size_t size);

/* ---- Looking into it ------------------------------------------------------ */

/** Facts about a machine. */
typedef struct sfpm_vm_info {
    sfpm_vm_status_t status;
    sfpm_trap_t trap;      /**< why it trapped; SFPM_TRAP_NONE unless trapped */
    uint64_t pc;           /**< code offset of the instruction to execute next: when halted,
                                of HALT or the outermost RETURN */
    uint64_t instructions; /**< executed so far; not recorded in the original layout */
    uint64_t starts;       /**< times started from the beginning */
    uint64_t code_size;    /**< bytes */
    uint32_t functions;    /**< number of functions */
    uint32_t globals;      /**< number of globals */
    uint32_t frames;       /**< calls in progress, the outermost included; 0 when the
                                state is not proved, or it is halted and since patched
                                into another shape */
    uint32_t bytecode;     /**< version of the instruction set */
    bool original;         /**< its state is the original program's `vm_state` */
    bool verified;         /**< sfpm_vm_verify() succeeded */
    uint64_t memory;       /**< bytes of memory now */
    uint64_t max_memory;   /**< bytes to which it may grow; 0: the program has none */
    uint32_t elements;     /**< number of elements of all tables now */
    uint32_t imports;      /**< number of imported functions */
    uint32_t exports;      /**< number of exports */
    const char *code_region; /**< name of the region that holds the code */
    uint64_t code_start;     /**< where in it code offset 0 lies, in bytes */
    bool reached;            /**< the last run stopped at one of its places `until` */
    uint32_t untranslated;   /**< functions for which the fast engine had no memory */
} sfpm_vm_info_t;

/**
 * @param info  receives the facts
 * @param size  sizeof *info; what a later version appends is not written
 * @return false with SFPM_ERR_ARGUMENT when the machine has no program
 */
SFPM_API bool sfpm_vm_info(const sfpm_vm_t *vm, sfpm_vm_info_t *info, size_t size);

/** A function being executed. */
typedef struct sfpm_vm_frame {
    const char *function; /**< its name, "?" when it has none */
    uint32_t index;       /**< its number */
    uint64_t offset;   /**< code offset of the instruction to go on with: the pc for the
                            innermost frame, after the call for the others */
    uint32_t locals;   /**< values in it: parameters first, then locals */
    uint32_t operands; /**< values on its operand stack; the parameters of a call in
                            progress belong to the called function */
} sfpm_vm_frame_t;

/**
 * @param level  0 for the innermost frame, up to info.frames - 1
 * @param size   sizeof *frame
 * @return false with SFPM_ERR_ARGUMENT when there is no such frame
 */
SFPM_API bool sfpm_vm_frame(const sfpm_vm_t *vm, uint32_t level, sfpm_vm_frame_t *frame,
                            size_t size);

/** Reads the slot of a global. @param name  or NULL: receives its name, or NULL */
SFPM_API bool sfpm_vm_global(const sfpm_vm_t *vm, uint32_t index, int64_t *value,
                             const char **name);

/**
 * Writes local number `index` of a frame, value `index` of its operand stack, 0 being the
 * bottom, or a global as assembly text has a value of that type: `-5`, `0.1` or `nan`.
 * Cut to fit, always terminated; 40 bytes are enough.
 * @return false with SFPM_ERR_ARGUMENT when there is no such value
 */
SFPM_API bool sfpm_vm_local_text(const sfpm_vm_t *vm, uint32_t level, uint32_t index,
                                 char *text, size_t size);
SFPM_API bool sfpm_vm_operand_text(const sfpm_vm_t *vm, uint32_t level, uint32_t index,
                                   char *text, size_t size);
SFPM_API bool sfpm_vm_global_text(const sfpm_vm_t *vm, uint32_t index, char *text,
                                  size_t size);

/** What a program imports, or exports. Names are printable except for bytes of UTF-8. */
typedef struct sfpm_vm_link {
    const char *module; /**< of an import; NULL for an export */
    const char *name;   /**< the import's field, or the export's name */
    const char *kind;   /**< as assembly text has it: func, global, memory or table */
    uint32_t index;     /**< number of the function or global, else 0 */
} sfpm_vm_link_t;

/** Describes import `index`, below info.imports. @param size  sizeof *link */
SFPM_API bool sfpm_vm_imported(const sfpm_vm_t *vm, uint32_t index, sfpm_vm_link_t *link,
                               size_t size);

/** The same of an export, below info.exports. */
SFPM_API bool sfpm_vm_exported(const sfpm_vm_t *vm, uint32_t index, sfpm_vm_link_t *link,
                               size_t size);

/** Writes the types of a function as sfpm_vm_import() takes them: `i32 i64 -> f64`. Cut
 * to fit, always terminated; 8 KiB are enough. */
SFPM_API bool sfpm_vm_signature(const sfpm_vm_t *vm, uint32_t function, char *text,
                                size_t size);

/**
 * Understands a place: `12`, `0xC`, `label`, `label+3`, `function+0x10`, or `@FILE:LINE`,
 * the first instruction of a line of source. FILE may be the last parts of a path.
 * @param offset  receives the code offset, which is less than the code's size
 * @param end     receives where the function of the name ends, and for a bare number the
 *                code's size; or NULL
 * @return false with SFPM_ERR_SYNTAX, saying what does not exist
 */
SFPM_API bool sfpm_vm_resolve(const sfpm_vm_t *vm, const char *text, uint64_t *offset,
                              uint64_t *end);

/** Writes a place as the nearest name at or before it: `main+3`, `loop`; the bare
 * number where no name is. Cut to fit, always terminated. */
SFPM_API void sfpm_vm_describe(const sfpm_vm_t *vm, uint64_t offset, char *text,
                               size_t size);

/** Finds the line of source, counting from 1, that an instruction came from.
 * @return the file's name without its directories; NULL when it is not recorded */
SFPM_API const char *sfpm_vm_source(const sfpm_vm_t *vm, uint64_t offset, uint32_t *line);

/** Writes one instruction as assembly text, such as `push 10`, or `.byte 0xFE`.
 * @return its length in bytes of code; 0 beyond the end of the code */
SFPM_API size_t sfpm_vm_instruction(const sfpm_vm_t *vm, uint64_t offset, char *text,
                                    size_t size);

/**
 * Disassembles the instructions that begin in [from, to), one a line. The text of
 * the whole code (0, UINT64_MAX) assembles to the same bytes.
 * @param output  receives the text in pieces; false ends it
 */
SFPM_API bool sfpm_vm_disassemble(const sfpm_vm_t *vm, uint64_t from, uint64_t to,
                                  sfpm_vm_output_callback_t output, void *context);

/**
 * Assembles instructions that are to replace others: as many from `offset` on, which must
 * be the beginning of one. What is shorter is filled with `nop` up to the end of the last
 * one. Nothing is changed; the caller can write the bytes to the code.
 * @param text  instructions, separated by `;` or newlines; they use the program's names
 * @param size  receives the number of bytes
 * @return the bytes, to be released by free(); NULL with SFPM_ERR_SYNTAX when the
 *         text is wrong, or SFPM_ERR_BYTECODE when it does not fit or when a call in
 *         progress is stopped inside the instructions to be replaced
 */
SFPM_API void *sfpm_vm_encode(const sfpm_vm_t *vm, uint64_t offset, const char *text,
                              size_t *size);

/** Whether the calls in progress are at the same places with values of the same number
 * and types, before and after a change of the code. Of machines that are verified; halted
 * ones are not compared. False with SFPM_ERR_BYTECODE, naming the frame. */
SFPM_API bool sfpm_vm_same_frames(const sfpm_vm_t *before, const sfpm_vm_t *after);

/* ---- Saving --------------------------------------------------------------- */

/** A region as it would be saved. */
typedef struct sfpm_vm_region {
    const char *name;
    const void *bytes;
    size_t size;
    uint32_t flags; /**< SFPM_REGION_… */
} sfpm_vm_region_t;

/**
 * Gives the regions that hold the machine now, one after the other.
 * @param index   from 0 on
 * @param region  receives the region; its bytes live until the machine changes
 * @param size    sizeof *region
 * @return false with SFPM_ERR_ARGUMENT after the last one, and with SFPM_ERR_LIMIT,
 *         naming the value, when the machine does not fit the original layout
 */
SFPM_API bool sfpm_vm_region(sfpm_vm_t *vm, size_t index, sfpm_vm_region_t *region,
                             size_t size);

/** Puts the machine's regions and bytecode version into an edit; other regions are left
 * alone. The machine must not change, and must outlive the edit, until that is written.
 */
SFPM_API bool sfpm_vm_fill_edit(sfpm_vm_t *vm, sfpm_edit_t *edit);

/** Reports that the edit, filled by sfpm_vm_fill_edit(), was appended to its image, and
 * the machine has not changed since. Writes to a large memory are noted from then on, so that
 * the next edit costs what changed. Fails when the edit has not become a commit. */
SFPM_API bool sfpm_vm_written(sfpm_vm_t *vm, const sfpm_edit_t *edit);

/** Replaces the file, atomically and durably, by an image of the machine. */
SFPM_API bool sfpm_vm_save(sfpm_vm_t *vm, const char *filename);

/** Appends the machine's state as one commit to the file of an open image, which then
 * shows it. SFPM_ERR_CHANGED when another has committed since. `message` may be NULL. */
SFPM_API bool sfpm_vm_commit(sfpm_vm_t *vm, sfpm_image_t *image, const char *message);

#ifdef __cplusplus
}
#endif

#endif
