#include "image/ignore.h"

#include <algorithm>
#include <optional>

namespace nuri::image {
namespace {

struct ClassMatch {
  bool matches = false;
  std::size_t length = 0;  // of the whole […]
};

bool in_named_class(std::string_view name, unsigned char c) {
  const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z',
             digit = c >= '0' && c <= '9';
  if (name == "alpha") return lower || upper;
  if (name == "digit") return digit;
  if (name == "alnum") return lower || upper || digit;
  if (name == "lower") return lower;
  if (name == "upper") return upper;
  if (name == "space") return c == ' ' || (c >= '\t' && c <= '\r');
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "xdigit") return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  if (name == "cntrl") return c < 32 || c == 127;
  if (name == "print") return c >= 32 && c < 127;
  if (name == "graph") return c > 32 && c < 127;
  if (name == "punct") return c > 32 && c < 127 && !lower && !upper && !digit;
  return false;
}

// `pattern` begins with '['. Nullopt: the bracket is never closed, so nothing matches (as in git).
std::optional<ClassMatch> match_class(std::string_view pattern, unsigned char c) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size(); first = false) {
    if (pattern[i] == ']' && !first) return ClassMatch{found != negated && c != '/', i + 1};
    if (pattern.substr(i, 2) == "[:") {
      if (const std::size_t end = pattern.find(":]", i + 2); end != std::string_view::npos) {
        found |= in_named_class(pattern.substr(i + 2, end - i - 2), c);
        i = end + 2;
        continue;
      }
    }
    const auto one = [&]() -> unsigned char {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      return static_cast<unsigned char>(pattern[i++]);
    };
    const unsigned char low = one();
    unsigned char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = one();
    }
    found |= c >= low && c <= high;
  }
  return std::nullopt;
}

// How many bytes of the pattern stand for one of the text; 0: nothing can match (as in git).
std::size_t element_length(std::string_view pattern) {
  if (pattern.front() == '[') {
    const auto any = match_class(pattern, 0);
    return any ? any->length : 0;
  }
  if (pattern.front() == '\\') return pattern.size() > 1 ? 2 : 0;
  return 1;
}

bool element_matches(std::string_view pattern, char c) {
  if (pattern.front() == '?') return c != '/';
  if (pattern.front() == '[') return match_class(pattern, static_cast<unsigned char>(c))->matches;
  if (pattern.front() == '\\') return pattern[1] == c;
  return pattern.front() == c;
}

std::string_view without_blank_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
  return line;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // Rows of "the pattern up to here matches the text up to k", so that no pattern takes exponential
  // time.
  std::vector<char> reach(text.size() + 1, 0);
  reach[0] = 1;
  std::vector<char> next(reach.size());
  for (std::size_t p = 0; p < pattern.size();) {
    const bool at_name_start = p == 0 || pattern[p - 1] == '/';
    const std::string_view rest = pattern.substr(p);
    std::fill(next.begin(), next.end(), 0);
    if (at_name_start && rest.starts_with("**/")) {  // any number of folders
      bool inside = false;
      for (std::size_t k = 0; k <= text.size(); ++k) {
        next[k] = reach[k] || (inside && k > 0 && text[k - 1] == '/');
        inside |= reach[k] != 0;
      }
      p += 3;
    } else if (at_name_start && rest == "**") {  // everything inside
      bool inside = false;
      for (std::size_t k = 0; k <= text.size(); ++k) next[k] = inside |= reach[k] != 0;
      p += 2;
    } else if (rest.front() == '*') {
      bool inside = false;
      for (std::size_t k = 0; k <= text.size(); ++k) {
        if (k > 0 && text[k - 1] == '/') inside = false;
        next[k] = inside |= reach[k] != 0;
      }
      p += 1;
    } else {
      const std::size_t length = element_length(rest);
      if (length == 0) return false;
      for (std::size_t k = 0; k < text.size(); ++k)
        if (reach[k] && element_matches(rest, text[k])) next[k + 1] = 1;
      p += length;
    }
    reach.swap(next);
  }
  return reach[text.size()] != 0;
}

void IgnoreRules::add(std::string_view lines, std::string_view folder) {
  if (lines.starts_with("\xef\xbb\xbf")) lines.remove_prefix(3);  // a byte order mark
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    line = without_blank_end(line);
    if (line.empty() || line.front() == '#') continue;
    Rule rule;
    rule.folder = folder;
    if (!folder.empty()) rule.folder += '/';
    if (line.front() == '!') {
      rule.negated = true;
      line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
      rule.folders_only = true;
      line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    rule.pattern = line;
    rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::ignores(std::string_view path, EntryKind kind) const {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->folders_only && kind != EntryKind::folder) continue;
    if (!path.starts_with(rule->folder)) continue;
    const std::string_view text = rule->anchored ? path.substr(rule->folder.size()) : name;
    if (matches_pattern(rule->pattern, text)) return !rule->negated;
  }
  return false;
}

std::string_view default_ignores() {
  return ".cfignore\n.nuriignore\n.gitignore\n.DS_Store\n.git\n.hg\n.svn\n_darcs\n"
         "/manifest.yml\n/manifest.yaml\n/nuri.yml\n";
}

}  // namespace nuri::image
