#include "host/seccomp.h"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <string_view>

namespace nuri::host {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kFiles[] = {"access",
                                       "chdir",
                                       "chmod",
                                       "chown",
                                       "close",
                                       "close_range",
                                       "copy_file_range",
                                       "creat",
                                       "dup",
                                       "dup2",
                                       "dup3",
                                       "faccessat",
                                       "faccessat2",
                                       "fadvise64",
                                       "fallocate",
                                       "fchdir",
                                       "fchmod",
                                       "fchmodat",
                                       "fchown",
                                       "fchownat",
                                       "fcntl",
                                       "fdatasync",
                                       "fgetxattr",
                                       "flistxattr",
                                       "flock",
                                       "fremovexattr",
                                       "fsetxattr",
                                       "fstat",
                                       "fstatfs",
                                       "fsync",
                                       "ftruncate",
                                       "futimesat",
                                       "getcwd",
                                       "getdents",
                                       "getdents64",
                                       "getxattr",
                                       "inotify_add_watch",
                                       "inotify_init",
                                       "inotify_init1",
                                       "inotify_rm_watch",
                                       "ioctl",
                                       "lchown",
                                       "lgetxattr",
                                       "link",
                                       "linkat",
                                       "listxattr",
                                       "llistxattr",
                                       "lremovexattr",
                                       "lseek",
                                       "lsetxattr",
                                       "lstat",
                                       "memfd_create",
                                       "mkdir",
                                       "mkdirat",
                                       "mknod",
                                       "mknodat",
                                       "name_to_handle_at",
                                       "newfstatat",
                                       "open",
                                       "openat",
                                       "openat2",
                                       "pipe",
                                       "pipe2",
                                       "pread64",
                                       "preadv",
                                       "preadv2",
                                       "pwrite64",
                                       "pwritev",
                                       "pwritev2",
                                       "read",
                                       "readahead",
                                       "readlink",
                                       "readlinkat",
                                       "readv",
                                       "removexattr",
                                       "rename",
                                       "renameat",
                                       "renameat2",
                                       "rmdir",
                                       "sendfile",
                                       "setxattr",
                                       "splice",
                                       "stat",
                                       "statfs",
                                       "statx",
                                       "symlink",
                                       "symlinkat",
                                       "sync",
                                       "sync_file_range",
                                       "syncfs",
                                       "tee",
                                       "truncate",
                                       "umask",
                                       "unlink",
                                       "unlinkat",
                                       "utime",
                                       "utimensat",
                                       "utimes",
                                       "vmsplice",
                                       "write",
                                       "writev"};

constexpr std::string_view kMemory[] = {"brk",           "get_mempolicy",    "madvise",
                                        "mbind",         "membarrier",       "mincore",
                                        "mlock",         "mlock2",           "mlockall",
                                        "mmap",          "mprotect",         "mremap",
                                        "msync",         "munlock",          "munlockall",
                                        "munmap",        "pkey_alloc",       "pkey_free",
                                        "pkey_mprotect", "process_mrelease", "remap_file_pages",
                                        "set_mempolicy"};

// ptrace and process_vm_*: debuggers and crash reporters; in a sandbox they reach its own processes
// only.
constexpr std::string_view kProcesses[] = {"arch_prctl",
                                           "capget",
                                           "capset",
                                           "execve",
                                           "execveat",
                                           "exit",
                                           "exit_group",
                                           "fork",
                                           "get_robust_list",
                                           "get_thread_area",
                                           "getcpu",
                                           "getegid",
                                           "geteuid",
                                           "getgid",
                                           "getgroups",
                                           "getpgid",
                                           "getpgrp",
                                           "getpid",
                                           "getppid",
                                           "getpriority",
                                           "getresgid",
                                           "getresuid",
                                           "getrlimit",
                                           "getrusage",
                                           "getsid",
                                           "gettid",
                                           "getuid",
                                           "ioprio_get",
                                           "ioprio_set",
                                           "kcmp",
                                           "landlock_add_rule",
                                           "landlock_create_ruleset",
                                           "landlock_restrict_self",
                                           "pidfd_getfd",
                                           "pidfd_open",
                                           "pidfd_send_signal",
                                           "prctl",
                                           "prlimit64",
                                           "process_vm_readv",
                                           "process_vm_writev",
                                           "ptrace",
                                           "rseq",
                                           "sched_get_priority_max",
                                           "sched_get_priority_min",
                                           "sched_getaffinity",
                                           "sched_getattr",
                                           "sched_getparam",
                                           "sched_getscheduler",
                                           "sched_rr_get_interval",
                                           "sched_setaffinity",
                                           "sched_setattr",
                                           "sched_setparam",
                                           "sched_setscheduler",
                                           "sched_yield",
                                           "seccomp",
                                           "set_robust_list",
                                           "set_thread_area",
                                           "set_tid_address",
                                           "setfsgid",
                                           "setfsuid",
                                           "setgid",
                                           "setgroups",
                                           "setpgid",
                                           "setpriority",
                                           "setregid",
                                           "setresgid",
                                           "setresuid",
                                           "setreuid",
                                           "setrlimit",
                                           "setsid",
                                           "setuid",
                                           "sysinfo",
                                           "times",
                                           "uname",
                                           "vfork",
                                           "wait4",
                                           "waitid"};

constexpr std::string_view kSignalsAndTime[] = {"alarm",
                                                "clock_getres",
                                                "clock_gettime",
                                                "clock_nanosleep",
                                                "getitimer",
                                                "gettimeofday",
                                                "kill",
                                                "nanosleep",
                                                "pause",
                                                "restart_syscall",
                                                "rt_sigaction",
                                                "rt_sigpending",
                                                "rt_sigprocmask",
                                                "rt_sigqueueinfo",
                                                "rt_sigreturn",
                                                "rt_sigsuspend",
                                                "rt_sigtimedwait",
                                                "rt_tgsigqueueinfo",
                                                "setitimer",
                                                "sigaltstack",
                                                "signalfd",
                                                "signalfd4",
                                                "tgkill",
                                                "time",
                                                "timer_create",
                                                "timer_delete",
                                                "timer_getoverrun",
                                                "timer_gettime",
                                                "timer_settime",
                                                "timerfd_create",
                                                "timerfd_gettime",
                                                "timerfd_settime",
                                                "tkill"};

constexpr std::string_view kWaitingAndTalking[] = {
    "accept",          "accept4",        "bind",          "connect",       "epoll_create",
    "epoll_create1",   "epoll_ctl",      "epoll_ctl_old", "epoll_pwait",   "epoll_pwait2",
    "epoll_wait",      "epoll_wait_old", "eventfd",       "eventfd2",      "futex",
    "futex_waitv",     "getpeername",    "getrandom",     "getsockname",   "getsockopt",
    "io_cancel",       "io_destroy",     "io_getevents",  "io_pgetevents", "io_setup",
    "io_submit",       "listen",         "mq_getsetattr", "mq_notify",     "mq_open",
    "mq_timedreceive", "mq_timedsend",   "mq_unlink",     "msgctl",        "msgget",
    "msgrcv",          "msgsnd",         "poll",          "ppoll",         "pselect6",
    "recvfrom",        "recvmmsg",       "recvmsg",       "select",        "semctl",
    "semget",          "semop",          "semtimedop",    "sendmmsg",      "sendmsg",
    "sendto",          "setsockopt",     "shmat",         "shmctl",        "shmdt",
    "shmget",          "shutdown",       "socketpair"};

// Mounts, namespaces, modules, keys, clocks, tracing of the kernel, and io_uring (its requests pass
// by every filter, and most of the kernel's worst holes of late were in it: ENOSYS, so that libuv
// and others fall back to epoll).
constexpr std::string_view kRefused[] = {"acct",
                                         "add_key",
                                         "adjtimex",
                                         "bpf",
                                         "chroot",
                                         "clock_adjtime",
                                         "clock_settime",
                                         "delete_module",
                                         "fanotify_init",
                                         "fanotify_mark",
                                         "finit_module",
                                         "fsconfig",
                                         "fsmount",
                                         "fsopen",
                                         "fspick",
                                         "init_module",
                                         "ioperm",
                                         "iopl",
                                         "kexec_file_load",
                                         "kexec_load",
                                         "keyctl",
                                         "lookup_dcookie",
                                         "mount",
                                         "mount_setattr",
                                         "move_mount",
                                         "move_pages",
                                         "migrate_pages",
                                         "open_by_handle_at",
                                         "open_tree",
                                         "perf_event_open",
                                         "pivot_root",
                                         "process_madvise",
                                         "quotactl",
                                         "quotactl_fd",
                                         "reboot",
                                         "request_key",
                                         "setdomainname",
                                         "sethostname",
                                         "setns",
                                         "settimeofday",
                                         "swapoff",
                                         "swapon",
                                         "syslog",
                                         "umount2",
                                         "unshare",
                                         "userfaultfd",
                                         "vhangup"};

json::object rule(Names names, std::string_view action) {
  json::array list;
  for (const std::string_view n : names) list.emplace_back(n);
  return {{"names", std::move(list)}, {"action", action}};
}

json::object refusal(Names names, int err) {
  json::object out = rule(names, "SCMP_ACT_ERRNO");
  out["errnoRet"] = err;
  return out;
}

json::object on_argument(std::string_view name, json::object argument) {
  json::object out = rule(Names(&name, 1), "SCMP_ACT_ALLOW");
  out["args"] = json::array{std::move(argument)};
  return out;
}

}  // namespace

json::object seccomp_profile() {
  json::array rules;
  for (const Names names : {Names(kFiles), Names(kMemory), Names(kProcesses),
                            Names(kSignalsAndTime), Names(kWaitingAndTalking)})
    rules.emplace_back(rule(names, "SCMP_ACT_ALLOW"));
  rules.emplace_back(refusal(kRefused, EPERM));
  // Threads and processes, but no namespaces: those are where unprivileged users meet the kernel's
  // holes. clone3 hides its flags behind a pointer: ENOSYS, and libc takes clone.
  constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                        CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  rules.emplace_back(on_argument(
      "clone",
      {{"index", 0}, {"value", kNamespaces}, {"valueTwo", 0}, {"op", "SCMP_CMP_MASKED_EQ"}}));
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    rules.emplace_back(
        on_argument("socket", {{"index", 0}, {"value", family}, {"op", "SCMP_CMP_EQ"}}));
  // Linux, Linux 32-bit, without address randomisation (debuggers), and the question itself.
  for (const std::uint64_t persona : {0x0ull, 0x8ull, 0x40000ull, 0xffffffffull})
    rules.emplace_back(
        on_argument("personality", {{"index", 0}, {"value", persona}, {"op", "SCMP_CMP_EQ"}}));
#if defined(__x86_64__)
  const char* architecture = "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
  const char* architecture = "SCMP_ARCH_AARCH64";
#else
#error "name the architecture for libseccomp"
#endif
  return {{"defaultAction", "SCMP_ACT_ERRNO"},
          {"defaultErrnoRet", ENOSYS},
          {"architectures", json::array{architecture}},
          {"syscalls", std::move(rules)}};
}

}  // namespace nuri::host
