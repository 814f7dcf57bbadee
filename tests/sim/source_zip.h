#pragma once

#include <map>
#include <string>

namespace nuri::sim {

// A zip of these files, as clients upload it.
std::string zip_of(const std::map<std::string, std::string>& files);

// The multipart/form-data of a package's upload, with the boundary "sep".
std::string upload_form(const std::map<std::string, std::string>& files);

}  // namespace nuri::sim
