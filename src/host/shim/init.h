#pragma once

namespace nuri::shim {

// PID 1 of a sandbox: container root with CAP_KILL, CAP_SETUID and CAP_SETGID, its socket to the
// shim on descriptor kInitSocket. Starts the app, reaps, stops it when told, kills everything when
// the app has ended or the shim is gone. Returns the exit status of the process.
int run_init();

}  // namespace nuri::shim
