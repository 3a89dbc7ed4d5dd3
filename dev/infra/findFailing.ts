import { AssertionError } from 'node:assert';
import { AppError } from '../../shared/model/errors.ts';

interface NamedCheck<Input extends readonly unknown[]> {
  readonly name: string;
  readonly check: (...input: Input) => void;
}

/**
 * Gives the name of the first assertion that does not hold, or undefined where all do. It does not hold where it throws an
 * AssertionError, or where the product's own configuration refuses the settings (`configuration_invalid`). Whatever else it
 * throws says that the assertion is broken, not that it noticed something, and is thrown on.
 */
export function findFailing<Input extends readonly unknown[]>(
  assertions: readonly NamedCheck<Input>[],
  ...input: Input
): string | undefined {
  return assertions.find(({ name, check }) => {
    try {
      check(...input);
      return false;
    } catch (error) {
      if (error instanceof AssertionError) return true;
      if (error instanceof AppError && error.code === 'configuration_invalid') return true;
      throw new Error(`The assertion "${name}" breaks instead of saying what is wrong`, { cause: error });
    }
  })?.name;
}
