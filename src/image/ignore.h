#pragma once

// Which files of a source directory are not uploaded. Patterns are gitignore's (git's
// gitignore(5)):
// '!' negates, a '/' at the beginning or in the middle anchors, a '/' at the end matches folders
// only,
// '*', '?', '[…]' stop at '/', "**" does not; the last pattern that matches decides; nothing below
// an ignored folder can be brought back. Pure values; not thread-safe while being added to.

#include <string>
#include <string_view>
#include <vector>

namespace nuri::image {

enum class EntryKind { file, folder };

class IgnoreRules {
 public:
  // The lines of a file that lies in `folder` (relative to the root, "" for the root itself). Later
  // calls win over earlier ones.
  void add(std::string_view lines, std::string_view folder = {});

  // `path` relative to the root. Looks at this entry alone: the caller does not descend into
  // ignored folders.
  bool ignores(std::string_view path, EntryKind kind) const;

 private:
  struct Rule {
    std::string folder;  // that the pattern is relative to; "" or ends with '/'
    std::string pattern;
    bool negated = false;
    bool folders_only = false;
    bool anchored = false;  // matches the path below `folder`, not just the last name
  };
  std::vector<Rule> rules_;
};

// What Cloud Foundry's CLI never uploads (and the same for Nuri's own files).
std::string_view default_ignores();

// A pattern against a whole text, as above. Takes O(pattern × text) steps.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace nuri::image
