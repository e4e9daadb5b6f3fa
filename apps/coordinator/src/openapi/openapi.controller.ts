import { Controller } from '@nestjs/common';
import { HandleContent } from '../access/handle.decorator.js';
import { VERSION } from '../health/version.js';
import { openApiDocument } from './document.js';

@Controller()
export class OpenApiController {
  private readonly document = openApiDocument(VERSION);

  @HandleContent('GET', 'openApi', { public: true })
  describe(): object {
    return this.document;
  }
}
