//! Wasmtime, configured once for baking and running.

use std::time::Duration;

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, ResourceLimiter,
    Strategy,
};

use crate::limits;

/// Rust's view of `wit/callprint.wit`.
#[allow(missing_docs, reason = "the WIT's own documentation is what is shown")]
pub mod contract {
    wasmtime::component::bindgen!({ path: "../../wit", world: "analyzer" });
}

/// What each store knows: how far its memory may grow, and how long its code may run.
pub struct Limits {
    /// Bytes of memory it may reach.
    allowed: usize,
    /// What it has reached.
    pub reached: usize,
    /// For what runs in it now.
    pub deadline: Deadline,
}

impl Limits {
    pub fn new(memory_bytes: usize) -> Limits {
        Limits { allowed: memory_bytes, reached: 0, deadline: Deadline::new(limits::PUSH_TIME) }
    }
}

/// Processor time that guest code may use. The clock on the wall would also count the time that
/// the thread waits for a processor, and end good analyses on a busy machine.
pub struct Deadline {
    budget: Duration,
    /// What the thread had used when the first tick passed since the code began: until then it
    /// costs nothing.
    at_first_tick: Option<Duration>,
}

impl Deadline {
    pub fn new(budget: Duration) -> Deadline {
        Deadline { budget, at_first_tick: None }
    }

    /// To be asked at every tick, on the thread that runs the code.
    pub fn passed(&mut self) -> bool {
        let used = thread_time();
        let since = *self.at_first_tick.get_or_insert(used);
        used.saturating_sub(since) >= self.budget
    }
}

/// Processor time that this thread has used so far.
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct is there to be written to. With this clock it cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.allowed;
        if allowed {
            self.reached = desired;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000)
    }
}

/// Core instances and tables of a component: the plugin's module, and the two
/// by which the component model lends it its own resource type.
const CORE_INSTANCES: u32 = 3;
const TABLES: u32 = 2;

fn common() -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift);
    // Deadlines: a flag checked where functions and loops begin. It costs 15 to 20 % of the time:
    // `callprint analyze` of seven minutes with this line and without, least of nine runs each.
    config.epoch_interruption(true);
    // What the plugin needs is on; what it does not need cannot be misused.
    config.wasm_simd(true).wasm_relaxed_simd(false).wasm_memory64(false).wasm_multi_memory(true);
    // No signal handlers: wasmtime's own would see the switch's crashes before the switch does, and
    // whoever installs one after us would be handed the guests' traps. The checks in the code that
    // take their place cost 12 to 19 % of the time; neither a memory that cannot grow nor leaving out
    // the mitigation of Spectre makes them cheaper.
    config.signals_based_traps(false);
    // 4 GiB of address space for every memory: it never moves.
    config.memory_reservation(4 << 30).memory_guard_size(32 << 20);
    config
}

/// For taking packs in: one instance, as large as need be, of code that runs once. It is as slow as
/// it is quick to compile.
pub fn for_packs() -> wasmtime::Result<Engine> {
    Engine::new(common().cranelift_opt_level(OptLevel::None))
}

/// For compiling what calls will run.
pub fn for_bake() -> wasmtime::Result<Engine> {
    Engine::new(&common())
}

/// For calls: instances from a pool, their memory a copy-on-write view of the
/// analyzer's.
pub fn for_sessions(sessions: u32) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(sessions)
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_core_instances(sessions * CORE_INSTANCES)
        .max_memories_per_component(1)
        .total_memories(sessions)
        .max_tables_per_component(TABLES)
        .total_tables(sessions * TABLES)
        .table_elements(10_000)
        .max_memory_size(4 << 30);
    let mut config = common();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        // Images as large as the largest catalogue are mapped, never copied.
        .memory_guaranteed_dense_image_size(4 << 30);
    Engine::new(&config)
}
