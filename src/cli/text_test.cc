#include <gtest/gtest.h>

#include "base/encoding.h"
#include "cli/completion.h"
#include "cli/environment.h"
#include "cli/help.h"
#include "cli/log_tail.h"
#include "cli/push_plan.h"
#include "cli/session.h"
#include "cli/steps.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "image/scratch_folder.h"

namespace nuri::cli {
namespace {

TEST(Table, ColumnsLineUpWhateverTheirStyleAndRowsEndWithoutBlanks) {
  MemoryTerminal terminal;
  terminal.colour = true;
  Table table({"name", "state"});
  table.add({terminal.name("übung"), ""});
  table.add({"a", "started"});
  EXPECT_EQ(table.str(), "name    state\n\x1b[1;36mübung\x1b[0m\na       started\n");
}

TEST(Table, SizesAreShownAsCfShowsThem) {
  EXPECT_EQ(show_bytes(0), "0");
  EXPECT_EQ(show_bytes(1023), "1023B");
  EXPECT_EQ(show_bytes(256u << 20), "256M");
  EXPECT_EQ(show_bytes(1536), "1.5K");
}

TEST(Help, EveryVerbIsInTheOverviewAndHasAnExample) {
  MemoryTerminal terminal;
  const auto all = verbs();
  const std::string text = overview(terminal, all);
  for (const Verb& verb : all) {
    EXPECT_NE(text.find("  " + std::string(verb.name) + " "), text.npos) << verb.name;
    const std::string help = help_of(terminal, verb);
    EXPECT_NE(help.find("Example"), help.npos) << verb.name;
    EXPECT_NE(help.find("--json"), help.npos) << verb.name;
  }
}

TEST(Help, AMistypedVerbIsFoundAndNonsenseIsNot) {
  EXPECT_EQ(nearest_verb("psuh", verbs()), "push");
  EXPECT_EQ(nearest_verb("setenv", verbs()), "set-env");
  EXPECT_EQ(nearest_verb("xyzzyx", verbs()), "");
}

TEST(Completion, KnowsVerbsFlagsAndWhereAnAppStands) {
  EXPECT_EQ(complete({"unm"}, verbs()).candidates, std::vector<std::string>{"unmap-route"});
  EXPECT_EQ(complete({"logs", "--re"}, verbs()).candidates, std::vector<std::string>{"--recent"});
  EXPECT_TRUE(complete({"scale", "-i", "3", "he"}, verbs()).app_names);
  EXPECT_FALSE(complete({"scale", "hello", "-i", ""}, verbs()).app_names);
  EXPECT_FALSE(complete({"scale", "hello", ""}, verbs()).app_names);
  EXPECT_EQ(complete({"nothing", ""}, verbs()).candidates, std::vector<std::string>{});
}

int run_words(std::vector<std::string> words, const std::vector<Verb>& all) {
  words.insert(words.begin(), "nuri");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return run_command_line(static_cast<int>(argv.size()), argv.data(), all);
}

TEST(CommandLine, HandsPositionalsFlagsAndRepeatedFlagsToTheVerb) {
  Arguments got;
  const std::vector<Verb> all{{"try",
                               "Apps",
                               "",
                               "",
                               {{"APP", ""}, {"REST", "", Positional::Need::rest}},
                               {{"--buildpack", "-b", "NAME", ""}, {"--force", "-f", "", ""}},
                               [&](const Arguments& arguments) {
                                 got = arguments;
                                 return 7;
                               }}};
  EXPECT_EQ(run_words({"try", "-b", "one", "app", "-b", "two", "A=1", "-f", "--", "-x"}, all), 7);
  EXPECT_EQ(got.get("APP"), "app");
  EXPECT_EQ(got.all("--buildpack"), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(got.all("REST"), (std::vector<std::string>{"A=1", "-x"}));
  EXPECT_TRUE(got.has("--force"));
}

TEST(CommandLine, AWrongLineEndsWithTheExitCodeForIt) {
  EXPECT_EQ(run_words({"app"}, verbs()), 64);
  EXPECT_EQ(run_words({"no-such-verb"}, verbs()), 64);
  EXPECT_EQ(run_words({"app", "a", "b"}, verbs()), 64);
  EXPECT_EQ(run_words({"app", "a", "--nonsense", "--json"}, verbs()), 64);
  EXPECT_EQ(run_words({"app", "--help"}, verbs()), 0);
}

TEST(Environment, TakesBothWaysOfWritingIt) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_assignments({"A", "b=c"}), (Pairs{{"A", "b=c"}}));
  EXPECT_EQ(parse_assignments({"A=1", "B="}), (Pairs{{"A", "1"}, {"B", ""}}));
  EXPECT_THROW(parse_assignments({"A"}), Error);
  EXPECT_THROW(parse_assignments({"=1"}), Error);
}

TEST(Session, AnAddressBecomesAUrl) {
  EXPECT_EQ(tidy_api_url("10.0.0.5:8081/"), "http://10.0.0.5:8081");
  EXPECT_THROW(tidy_api_url("http://a/b"), Error);
  EXPECT_EQ(tidy_api_url("https://nuri.example.com/"), "https://nuri.example.com");
}

TEST(Log, EnvelopesBecomeLinesInTheOrderOfTime) {
  const json::value answer = json::parse(
      R"({"envelopes":{"batch":[
        {"timestamp":"2000000000","instance_id":"1","tags":{"source_type":"STG"},
         "log":{"payload":")" +
      base64("later\n") + R"(","type":"ERR"}},
        {"timestamp":"1000000000","instance_id":"0","tags":{"source_type":"APP/PROC/WEB"},
         "log":{"payload":")" +
      base64("b") + R"(","type":"OUT"}},
        {"timestamp":"1000000000","instance_id":"0","tags":{"source_type":"APP/PROC/WEB"},
         "log":{"payload":")" +
      base64("a") + R"(","type":"OUT"}},
        {"timestamp":"5","log":{"payload":"%%%"}}]}})");
  const auto lines = parse_envelopes(answer);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].text, "a");
  EXPECT_EQ(lines[1].text, "b");
  EXPECT_EQ(lines[2], (LogLine{2'000'000'000, "STG", "1", true, "later"}));
  EXPECT_NE(show_line(lines[2]).find("[STG/1] ERR later"), std::string::npos);
}

class HandClock final : public Clock {
 public:
  Time now() const override { return time; }
  WallTime wall() const override { return {}; }
  Time time;
};

TEST(Steps, SayWhatWasDoneAndHowLongItTook) {
  MemoryTerminal terminal;
  HandClock clock;
  Steps steps(terminal, clock, Steps::Show::lines);
  steps.begin("upload", "Uploading...");
  clock.time = clock.time + 250ms;
  steps.progress("never shown where a line cannot be rewritten");
  steps.end("3 files");
  steps.begin("build", "Building...");
  steps.line("   a line");
  clock.time = clock.time + 1s;
  steps.end("Done.");
  EXPECT_EQ(terminal.written,
            "Uploading... 3 files  0.25 s\nBuilding...\n   a line\n   Done.  1.00 s\n");
  EXPECT_EQ(json::serialize(steps.times()), R"({"upload":2.5E-1,"build":1E0})");
}

Arguments arguments(std::initializer_list<std::pair<const char*, std::string>> given) {
  Arguments out;
  for (const auto& [name, value] : given) out.add(name, value);
  return out;
}

TEST(PushPlan, FlagsWinOverTheManifestAndItsPathIsRelativeToIt) {
  const image::ScratchFolder folder;
  std::filesystem::create_directories(folder.path() / "src");
  folder.write("manifest.yml",
               "applications:\n- name: one\n  path: src\n  memory: 64M\n  instances: 2\n"
               "  services: [db]\n");
  const PushPlan plan =
      plan_push(arguments({{"APP", "other"},
                           {"--manifest", (folder.path() / "manifest.yml").string()},
                           {"--memory", "1G"},
                           {"--command", "null"}}));
  ASSERT_EQ(plan.apps.size(), 1u);
  EXPECT_EQ(plan.apps[0].app.name, "other");
  EXPECT_EQ(plan.apps[0].path, std::filesystem::canonical(folder.path() / "src"));
  EXPECT_EQ(plan.apps[0].app.web.memory_mb, 1024);
  EXPECT_EQ(plan.apps[0].app.web.instances, 2);
  EXPECT_EQ(plan.apps[0].app.web.command, "");
  EXPECT_EQ(plan.apps[0].app.route_wish, model::RouteWish::default_route);
  ASSERT_EQ(plan.warnings.size(), 1u);
  EXPECT_NE(plan.warnings[0].find("line 6"), std::string::npos) << plan.warnings[0];
}

TEST(PushPlan, WhatIsSentIsReadAsWhatWasMeant) {
  const std::string yaml = R"(applications:
- name: "shop: \"front\""
  memory: 1.5G
  disk_quota: 512M
  instances: 3
  command: node "app.js" # not a comment
  buildpacks: [node, procfile]
  env: {A: "1", TEXT: "ü\n: - #"}
  health-check-type: http
  health-check-http-endpoint: /up
  timeout: 30
  routes:
  - route: shop.localhost/cart
  - route: a.localhost
    protocol: http2
  metadata: {labels: {team: red}}
  processes:
  - type: worker
    command: node worker.js
    instances: 1
)";
  model::Manifest read = model::parse_manifest(yaml);
  ASSERT_TRUE(read.warnings.empty());
  model::Manifest back = model::parse_manifest(manifest_text(read.apps.at(0)));
  ASSERT_TRUE(back.warnings.empty()) << back.warnings[0];
  back.apps.at(0).line = read.apps[0].line;
  EXPECT_EQ(back.apps[0], read.apps[0]) << manifest_text(read.apps[0]);
}

TEST(PushPlan, VariablesAreFilledInAndMissingOnesNamed) {
  EXPECT_EQ(put_variables("a: ((x))-((y)) $((1+2))", {"x=1", "y=z=2"}), "a: 1-z=2 $((1+2))");
  try {
    put_variables("((host))", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("host"), std::string::npos);
  }
}

TEST(PushPlan, WithoutNameAndManifestItSaysWhatToDo) {
  EXPECT_THROW(plan_push(arguments({{"--no-manifest", ""}})), Error);
  EXPECT_THROW(plan_push(arguments({{"APP", "a"}, {"--path", "/nonexistent"}})), Error);
}

}  // namespace
}  // namespace nuri::cli
