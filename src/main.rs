//! `weir`: everything happens in the library.

/// Many small, short-lived rows on several threads: the usual allocators of Linux and macOS are slower at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    weir::cli::main()
}
