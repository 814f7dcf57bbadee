# The newest version of a package that is in a range (npm's range syntax), or null.
# Input: the registry's document of the package. $range: the range.

def number: if . == null or test("^[xX*]$") then null else tonumber end;

# "1.2" -> [1, 2, null]; pre-release and build parts are dropped.
def partial:
  sub("^[v=]+"; "") | sub("[-+].*$"; "") | split(".") | [.[0], .[1], .[2]] | map(number);

def floor_of: map(. // 0);
def is_exact: .[2] != null and .[1] != null;
# The first version above everything that a partial one stands for.
def above: if .[1] == null then [.[0] + 1, 0, 0] else [.[0], .[1] + 1, 0] end;

def caret_end:
  if .[0] > 0 or .[1] == null then [.[0] + 1, 0, 0]
  elif .[1] > 0 or .[2] == null then [0, .[1] + 1, 0]
  else [0, 0, .[2] + 1] end;

def bounds:
  capture("^(?<op>[<>]=?|[~^]|=?)(?<version>.*)$") | .op as $op | (.version | partial)
  | if .[0] == null then []
    elif $op == ">=" then [[">=", floor_of]]
    elif $op == ">" then (if is_exact then [[">", .]] else [[">=", above]] end)
    elif $op == "<" then [["<", floor_of]]
    elif $op == "<=" then (if is_exact then [["<=", .]] else [["<", above]] end)
    elif $op == "~" then [[">=", floor_of], ["<", above]]
    elif $op == "^" then [[">=", floor_of], ["<", caret_end]]
    elif is_exact then [[">=", .], ["<=", .]]
    else [[">=", floor_of], ["<", above]] end;

def holds($version):
  .[0] as $op | .[1] as $limit
  | if $op == ">=" then $version >= $limit elif $op == ">" then $version > $limit
    elif $op == "<" then $version < $limit else $version <= $limit end;

def alternatives:
  split("||") | map(
    sub("^\\s+"; "") | sub("\\s+$"; "")
    | gsub("(?<op>[<>=~^])\\s+"; .op)
    | [splits("\\s+") | select(. != "")] | map(bounds) | add // []);

# "18.1 - 20" becomes ">=18.1 <=20"
def hyphens: gsub("(?<a>[^\\s|]+)\\s+-\\s+(?<b>[^\\s|]+)"; ">=\(.a) <=\(.b)");

($range | hyphens | alternatives) as $any
| [ .versions | keys[] | select(test("^[0-9]+\\.[0-9]+\\.[0-9]+$")) | partial
    | . as $version
    | select(any($any[]; all(.[]; holds($version)))) ]
| max // null | if . == null then null else map(tostring) | join(".") end
