#pragma once

// The enums of the host's protocol as words, both ways. Only for host_protocol*.cc.

#include <optional>
#include <string_view>

#include "engine/host_protocol.h"

namespace nuri::host {

std::string_view name_of(InstanceKind kind);
std::string_view name_of(ExtraMount mount);
std::string_view name_of(InstanceState state);
std::optional<InstanceKind> kind_named(std::string_view name);
std::optional<ExtraMount> mount_named(std::string_view name);
std::optional<InstanceState> state_named(std::string_view name);

}  // namespace nuri::host
