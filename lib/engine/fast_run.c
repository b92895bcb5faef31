/* SPDX-License-Identifier: MIT */
/* Goes between the two tiers: tier 0 when it must be, tier 1 when it can be. */
#include "engine/fast.h"

#include <string.h>

#include "engine/calls.h"
#include "engine/memory.h"
#include "engine/references.h"

/* Instructions between two looks at whether the machine is to stop. */
enum { QUANTUM = 1 << 20 };

/* Instructions that tier 0 executes at a time of a function that has no translation. */
enum { SLICE = 1 << 10 };

typedef struct sfpm_fast_run {
    sfpm_fast_t *fast;
    sfpm_machine_t *machine;
    const sfpm_limits_t *limits;
    sfpm_registers_t *registers; /* valid while tier 1 does not execute */
    uint64_t left;               /* steps, likewise */
    sfpm_engine_t engine;
    uint64_t reserve; /* steps that are not in the fuel yet */
    /* The frame in which tier 1 began returns to the second cell. Its record is kept. */
    sfpm_cell_t back[2];
    uint8_t *boundary;
    uint32_t function; /* of that frame */
    uint8_t record[SFPM_RECORD_SLOTS * SFPM_SLOT_SIZE];
} sfpm_fast_run_t;

static sfpm_fast_function_t *function_of(const sfpm_fast_run_t *run, uint32_t number)
{
    return &run->fast->functions[number];
}

/* ---- From tier 1 to the canonical state ------------------------------------------ */

static uint32_t slot_number(const sfpm_fast_run_t *run, const uint8_t *slot)
{
    return (uint32_t)((size_t)(slot - run->engine.bottom) / SFPM_SLOT_SIZE);
}

/* Gives the records of all frames above the boundary, and its own, their contents. */
static void restore_records(const sfpm_fast_run_t *run, uint32_t function, uint8_t *fp)
{
    const sfpm_program_t *program = run->machine->program;
    for (;;) {
        uint8_t *record = fp + HEADER_RECORD(function_of(run, function)->cells);
        const sfpm_cell_t *back;
        if (fp == run->boundary) {
            memcpy(record, run->record, sizeof run->record);
            return;
        }
        memcpy(&back, record, sizeof back);
        fp -= back[-1].to;
        function = sfpm_function_at(program, (uint32_t)back[-1].x - 1);
        sfpm_put_u64(record, (uint32_t)back[-1].x | (uint64_t)function << 32);
        sfpm_put_u64(record + SFPM_SLOT_SIZE, slot_number(run, fp));
    }
}

static uint64_t operand_value(const sfpm_engine_t *engine, sfpm_operand_value_t value)
{
    uint64_t bits;
    switch (value.home) {
    case SFPM_IN_LOCAL:
        return sfpm_get_u64(engine->fp + value.value);
    case SFPM_IN_ACC:
        return engine->acc;
    case SFPM_IN_FACC:
        memcpy(&bits, &engine->facc, sizeof bits);
        return bits;
    case SFPM_IN_CELL:
    case SFPM_IN_SLOT:
        break;
    }
    return value.value;
}

/* Puts operands that are elsewhere into their slots. */
static void restore_operands(const sfpm_fast_run_t *run, uint8_t *operands,
                             const sfpm_window_t *window)
{
    uint8_t *slot = operands + (size_t)(window->height - window->count) * SFPM_SLOT_SIZE;
    for (uint32_t i = 0; i < window->count; i++, slot += SFPM_SLOT_SIZE)
        if (window->values[i].home != SFPM_IN_SLOT)
            sfpm_put_u64(slot, operand_value(&run->engine, window->values[i]));
}

/* The state before the cell at which tier 1 stopped. */
static void leave_fast(sfpm_fast_run_t *run)
{
    const sfpm_engine_t *engine = &run->engine;
    const sfpm_program_t *program = run->machine->program;
    uint32_t number = sfpm_fast_find_cell(run->fast, engine->ip);
    const sfpm_fast_function_t *function = function_of(run, number);
    uint32_t operands =
        slot_number(run, engine->fp) + sfpm_frame_size(&program->functions[number]);
    sfpm_fast_point_t point;
    sfpm_fast_locate(run->fast, program, run->machine->proof, number,
                     (uint32_t)(engine->ip - function->cells), &point);
    restore_operands(run, engine->bottom + (size_t)operands * SFPM_SLOT_SIZE,
                     &point.window);
    restore_records(run, number, engine->fp);
    run->registers->pc = point.offset;
    run->registers->base = slot_number(run, engine->fp);
    run->registers->sp = operands + point.window.height;
    run->registers->function = number;
    run->left =
        (uint64_t)engine->fuel + run->reserve + (function->instructions - point.index);
}

/* The frame in which tier 1 began has returned to one that is as it was. */
static void leave_frame(sfpm_fast_run_t *run)
{
    const sfpm_engine_t *engine = &run->engine;
    sfpm_registers_t *registers = run->registers;
    const sfpm_function_t *callee = &run->machine->program->functions[run->function];
    uint64_t caller = sfpm_get_u64(run->record);
    if (callee->results == 1) {
        bool real = callee->result_types[0] == SFPM_TYPE_F64;
        sfpm_operand_value_t value = {real ? SFPM_IN_FACC : SFPM_IN_ACC, 0};
        sfpm_put_u64(run->boundary, operand_value(engine, value));
    }
    registers->pc = (uint32_t)caller;
    registers->function = (uint32_t)(caller >> 32);
    registers->base = (uint32_t)sfpm_get_u64(run->record + SFPM_SLOT_SIZE);
    registers->sp = slot_number(run, run->boundary) + callee->results;
    run->left = (uint64_t)engine->fuel + run->reserve;
}

/* ---- From the canonical state to tier 1 -------------------------------------------- */

/* Registers that are copies of what tier 0 may change. */
static void refresh(sfpm_fast_run_t *run)
{
    const sfpm_machine_t *machine = run->machine;
    size_t slots = machine->stack->capacity / SFPM_SLOT_SIZE;
    if (slots > run->limits->max_slots)
        slots = (size_t)run->limits->max_slots;
    run->registers->slots = machine->stack->data;
    run->engine.bottom = machine->stack->data;
    run->engine.limit = (uintptr_t)machine->stack->data + slots * SFPM_SLOT_SIZE;
    run->engine.memory = machine->memory->data;
    run->engine.memory_size = machine->memory->size;
    const sfpm_elements_t table =
        sfpm_table_elements(machine->program, machine->table, 0);
    run->engine.table = table.at;
    run->engine.num_elements = table.count;
    run->engine.directory = machine->table->data;
}

/* Moves steps from the reserve into the fuel. False when there are none. */
static bool refuel(sfpm_fast_run_t *run)
{
    uint64_t steps = run->reserve < QUANTUM ? run->reserve : QUANTUM;
    run->reserve -= steps;
    run->engine.fuel += (int32_t)steps;
    return steps > 0;
}

/* The only result of a call is expected in both accumulators. */
static void load_accumulators(sfpm_engine_t *engine, const uint8_t *slot)
{
    engine->acc = sfpm_get_u64(slot);
    memcpy(&engine->facc, &engine->acc, sizeof engine->facc);
}

static void begin_at(sfpm_fast_run_t *run, const sfpm_fast_function_t *function,
                     const sfpm_fast_label_t *label)
{
    sfpm_engine_t *engine = &run->engine;
    const sfpm_registers_t *registers = run->registers;
    refresh(run);
    engine->fp = engine->bottom + (size_t)registers->base * SFPM_SLOT_SIZE;
    engine->ip = function->cells + label->cell;
    load_accumulators(engine,
                      engine->bottom + (size_t)(registers->sp - 1) * SFPM_SLOT_SIZE);
    uint8_t *record = engine->fp + HEADER_RECORD(function->cells);
    const sfpm_cell_t *back = &run->back[1];
    run->boundary = engine->fp;
    run->function = registers->function;
    memcpy(run->record, record, sizeof run->record);
    memcpy(record, &back, sizeof back);
}

static bool is_at_stop(const sfpm_fast_run_t *run)
{
    return sfpm_is_stop(&run->limits->stops, run->registers->pc);
}

/* Whether tier 1 can go on from here; then it is ready to. It cannot from a stop that the
 * run has passed: a cell of one has always been arrived at. */
static bool enter_fast(sfpm_fast_run_t *run)
{
    const sfpm_registers_t *registers = run->registers;
    if (is_at_stop(run))
        return false;
    const sfpm_fast_function_t *function = function_of(run, registers->function);
    if (!sfpm_fast_translate(run->fast, run->machine->program, run->machine->proof,
                             registers->function))
        return false;
    const sfpm_fast_label_t *label = sfpm_fast_label_at(function, registers->pc);
    if (!label || run->left < function->instructions - label->index)
        return false;
    begin_at(run, function, label);
    run->engine.fuel = 0;
    run->reserve = run->left - (function->instructions - label->index);
    refuel(run);
    return true;
}

/* ---- What tier 1 stops for ----------------------------------------------------------
 */

/* Tier 0 executes some instructions. */
static sfpm_outcome_t execute_slowly(sfpm_fast_run_t *run, uint64_t steps)
{
    uint64_t budget = steps < run->left ? steps : run->left;
    uint64_t rest = budget;
    sfpm_outcome_t outcome =
        sfpm_execute_to_stop(run->machine, run->registers, run->limits, &rest);
    run->left -= budget - rest;
    return outcome;
}

static sfpm_outcome_t leave_and_step(sfpm_fast_run_t *run)
{
    leave_fast(run);
    return is_at_stop(run) ? SFPM_OUTCOME_STOP : execute_slowly(run, 1);
}

/* The registers of the frame that tier 1 is in, whose operands are all in their slots. */
static void set_registers(sfpm_fast_run_t *run, uint32_t pc)
{
    const sfpm_machine_t *machine = run->machine;
    sfpm_registers_t *registers = run->registers;
    uint32_t function = sfpm_function_at(machine->program, pc);
    registers->pc = pc;
    registers->function = function;
    registers->base = slot_number(run, run->engine.fp);
    registers->sp = registers->base +
                    sfpm_frame_size(&machine->program->functions[function]) +
                    sfpm_height_at(machine->proof, pc);
}

/* Tier 0 executes the instruction that the cell stands for, in the midst of tier 1.
 * Whether that can go on. */
static bool step_slowly(sfpm_fast_run_t *run, uint32_t pc, sfpm_outcome_t *outcome)
{
    uint64_t left = 1;
    set_registers(run, pc);
    *outcome = sfpm_execute(run->machine, run->registers, run->limits, &left);
    if (*outcome == SFPM_OUTCOME_STEPS) {
        refresh(run);
        load_accumulators(&run->engine,
                          run->engine.bottom +
                              (size_t)(run->registers->sp - 1) * SFPM_SLOT_SIZE);
        run->engine.ip++;
        if (!sfpm_is_interrupted(run->limits))
            return true;
    }
    leave_fast(run);
    run->left -= *outcome == SFPM_OUTCOME_STEPS ? 0 : 1 - left;
    return false;
}

/* The calling cell at which tier 1 stopped: the second one, when the first one only
 * computes an argument. */
static const sfpm_cell_t *calling_cell(const sfpm_engine_t *engine)
{
    static const unsigned firsts[] = {FAST_LINK_SECOND, FAST_I32_ADD_CALL,
                                      FAST_I32_ADD_CALL_LOCALS, FAST_I64_ADD_CALL,
                                      FAST_I64_ADD_CALL_LOCALS};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++)
        if (engine->ip->handler == sfpm_fast_handler(firsts[i]))
            return engine->ip + 1;
    return engine->ip;
}

/* The function cannot be translated: a first cell only computes its argument from now on.
 */
static void part_cells(sfpm_cell_t *first, sfpm_cell_t *calling)
{
    if (first == calling)
        return;
    bool wide = calling->value >> 32 == FAST_I64_ADD_CALL;
    first->handler =
        sfpm_fast_handler(wide ? FAST_I64_ADD_STORE_SC : FAST_I32_ADD_STORE_SC);
    calling->handler = sfpm_fast_handler(FAST_LINK);
}

/* The code offset of the call. */
static uint32_t call_offset(const sfpm_cell_t *calling)
{
    bool longer = calling->handler == sfpm_fast_handler(FAST_TABLE_CALL);
    return (uint32_t)calling->x - (longer ? SFPM_TABLE_CALL_LENGTH : SFPM_CALL_LENGTH);
}

/* Tier 0 calls a function that cannot be translated. Where the calling cell stands is
 * known without a search, so that a program may do so again and again. */
static sfpm_outcome_t call_slowly(sfpm_fast_run_t *run, const sfpm_cell_t *calling)
{
    const sfpm_engine_t *engine = &run->engine;
    set_registers(run, call_offset(calling));
    restore_records(run, run->registers->function, engine->fp);
    run->left = (uint64_t)engine->fuel + run->reserve + (uint32_t)calling->jump + 1;
    return execute_slowly(run, 1);
}

/* Lets the cells at which tier 1 stopped call their function. Whether there is something
 * to go on with. */
static bool link_call(sfpm_fast_run_t *run)
{
    const sfpm_cell_t *first = run->engine.ip;
    const sfpm_cell_t *calling = calling_cell(&run->engine);
    const sfpm_program_t *program = run->machine->program;
    uint32_t callee = (uint32_t)calling->value;
    uint32_t handler = (uint32_t)(calling->value >> 32);
    sfpm_fast_function_t *caller =
        function_of(run, sfpm_function_at(program, (uint32_t)calling->x - 1));
    sfpm_cell_t *cell = &caller->cells[calling - caller->cells];
    if (!sfpm_fast_translate(run->fast, program, run->machine->proof, callee)) {
        part_cells(&caller->cells[first - caller->cells], cell);
        return first != calling;
    }
    const sfpm_fast_function_t *target = function_of(run, callee);
    cell->value = (uintptr_t)(target->cells + 1);
    cell->cost = (int32_t)((int64_t)target->instructions - cell->jump);
    /* The handler that zeroes locals follows the one that does not. */
    handler += program->functions[callee].locals > 0;
    caller->cells[first - caller->cells].handler = sfpm_fast_handler(handler);
    return true;
}

static bool is_indirect(const sfpm_cell_t *calling)
{
    return calling->handler == sfpm_fast_handler(FAST_CALL_INDIRECT) ||
           calling->handler == sfpm_fast_handler(FAST_TABLE_CALL);
}

/* The function in the element that a call through a table means. */
static uint32_t callee_of(const sfpm_fast_run_t *run, const sfpm_cell_t *calling)
{
    uint64_t element = sfpm_get_u64(run->engine.fp + calling->cost);
    const sfpm_elements_t table = sfpm_table_elements(
        run->machine->program, run->machine->table, (uint32_t)calling->z);
    return sfpm_get_u32(table.at + element * SFPM_ELEMENT_SIZE);
}

/* The first cell of the function that is called. */
static const sfpm_cell_t *called_cell(const sfpm_fast_run_t *run,
                                      const sfpm_cell_t *calling)
{
    return is_indirect(calling) ? run->engine.entries[callee_of(run, calling)]
                                : CALL_TARGET(calling);
}

/* Makes the stack larger, for the function that is called. False when that would be too
 * large, or memory is short: tier 0 finds out again which. */
static bool grow_stack(sfpm_fast_run_t *run)
{
    sfpm_buffer_t *stack = run->machine->stack;
    sfpm_engine_t *engine = &run->engine;
    const sfpm_cell_t *calling = calling_cell(engine);
    size_t fp = (size_t)(engine->fp - engine->bottom);
    size_t boundary = (size_t)(run->boundary - engine->bottom);
    size_t size = fp + (size_t)calling->to + HEADER_NEED(called_cell(run, calling) - 1);
    void *data = stack->data;
    if (size > run->limits->max_slots * SFPM_SLOT_SIZE ||
        !sfpm_grow_array(&data, &stack->capacity, size, 1))
        return false;
    stack->data = data;
    refresh(run);
    engine->fp = engine->bottom + fp;
    run->boundary = engine->bottom + boundary;
    return true;
}

/* Out of fuel: there may be more. Else tier 0 goes a step, so that tier 1 cannot begin
 * here again. */
static bool attend_poll(sfpm_fast_run_t *run, sfpm_outcome_t *outcome)
{
    bool interrupted = sfpm_is_interrupted(run->limits);
    run->engine.spent = 0;
    if (!interrupted && refuel(run))
        return true;
    leave_fast(run);
    if (!interrupted)
        *outcome = execute_slowly(run, 1);
    return false;
}

/* A call through the table: of a function that is not translated yet, or imported. */
static bool link_element(sfpm_fast_run_t *run, sfpm_outcome_t *outcome)
{
    const sfpm_cell_t *cell = run->engine.ip;
    const sfpm_program_t *program = run->machine->program;
    uint32_t callee = callee_of(run, cell);
    if (sfpm_is_import(program, callee))
        return step_slowly(run, call_offset(cell), outcome);
    if (sfpm_fast_translate(run->fast, program, run->machine->proof, callee))
        return true;
    *outcome = call_slowly(run, cell);
    return false;
}

/* Does what tier 1 stopped for. Whether it can go on; else the state is canonical. */
static bool attend_stop(sfpm_fast_run_t *run, sfpm_stop_t stop, sfpm_outcome_t *outcome)
{
    const sfpm_cell_t *ip = run->engine.ip;
    *outcome = SFPM_OUTCOME_STEPS;
    switch (stop) {
    case SFPM_STOP_POLL:
        return attend_poll(run, outcome);
    case SFPM_STOP_STEP:
        return step_slowly(run, (uint32_t)ip->x, outcome);
    case SFPM_STOP_LINK:
        if (is_indirect(ip))
            return link_element(run, outcome);
        if (link_call(run))
            return true;
        *outcome = call_slowly(run, ip);
        return false;
    case SFPM_STOP_STACK:
        if (grow_stack(run))
            return true;
        break;
    case SFPM_STOP_RETURNED:
        leave_frame(run);
        if (is_at_stop(run))
            *outcome = SFPM_OUTCOME_STOP;
        return false;
    case SFPM_STOP_SLOW:
        break;
    }
    *outcome = leave_and_step(run);
    return false;
}

static sfpm_outcome_t execute_fast(sfpm_fast_run_t *run)
{
    sfpm_outcome_t outcome;
    while (attend_stop(run, sfpm_fast_execute(&run->engine), &outcome))
        ;
    return outcome;
}

/* Tier 0 goes on to where tier 1 can, or for a while. */
static sfpm_outcome_t seek_label(sfpm_fast_run_t *run)
{
    const sfpm_fast_function_t *function = function_of(run, run->registers->function);
    bool single = function->cells && run->left >= function->instructions;
    return execute_slowly(run, single ? 1 : SLICE);
}

static sfpm_outcome_t run_both_tiers(sfpm_fast_run_t *run)
{
    sfpm_outcome_t outcome = SFPM_OUTCOME_STEPS;
    while (outcome == SFPM_OUTCOME_STEPS && run->left > 0 &&
           !sfpm_take_interrupt(run->limits))
        outcome = enter_fast(run) ? execute_fast(run) : seek_label(run);
    return outcome;
}

bool sfpm_fast_interpret(sfpm_fast_t *fast, sfpm_machine_t *machine,
                         const sfpm_limits_t *limits)
{
    sfpm_registers_t registers;
    sfpm_outcome_t outcome = SFPM_OUTCOME_TRAP;
    bool stops = sfpm_begins_at_stop(machine, limits);
    if (!sfpm_fast_prepare(fast, machine->program, &limits->stops,
                           (uint64_t)limits->max_pages * SFPM_PAGE_SIZE))
        return sfpm_interpret(machine, limits);
    if (!sfpm_run_begin(machine, &registers, limits))
        return false;
    sfpm_fast_run_t run = {.fast = fast,
                           .machine = machine,
                           .limits = limits,
                           .registers = &registers,
                           .left = limits->steps};
    run.engine.globals = machine->globals;
    run.engine.num_tables = machine->program->num_tables;
    run.engine.entries = fast->entries;
    run.back[1].handler = sfpm_fast_handler(FAST_RETURNED);
    if (registers.trap == SFPM_TRAP_NONE)
        outcome = stops ? SFPM_OUTCOME_STOP : run_both_tiers(&run);
    return sfpm_run_end(machine, &registers, outcome, limits->steps - run.left);
}
